#include "harness/text/decode_steps.h"

#include <algorithm>

#include "harness/text/pattern.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

std::string byte_level_to_bytes(const std::string& token) {
  std::string bytes;
  for (size_t offset = 0; offset < token.size();) {
    const auto c = decode_valid_utf8(token, offset);
    const int byte = byte_of_byte_level_character(c.value);
    if (byte < 0) return token;
    bytes.push_back(static_cast<char>(byte));
    offset += c.length;
  }
  return bytes;
}

int hexadecimal(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = static_cast<char>(digit | 32);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// "<0x41>" -> 0x41, else -1. A plus sign passes for a digit's place in the peer's number parser: "<0x+4>" is 4.
int fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  const int high = token[3] == '+' ? 0 : hexadecimal(token[3]);
  const int low = hexadecimal(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

std::string bytes_of_token(const TokenDecoder& decoder, const std::string& token) {
  DecodeChain chain(decoder);
  if (chain.has<ByteLevelStep>()) return byte_level_to_bytes(token);
  if (const int byte = fallback_byte(token); byte >= 0 && chain.has<ByteFallbackStep>())
    return {static_cast<char>(byte)};
  const std::string before = "a";
  const size_t held = chain.push(before).size();
  const std::string both = chain.push(token) + chain.finish();
  return both.substr(std::min(before.size() - std::min(before.size(), held), both.size()));
}

void WholeTokenStep::push(std::string_view stretch, bool ends_token, const TokenSink& sink) {
  held_ += stretch;
  if (!ends_token) return;
  token(held_, sink);
  held_.clear();
}

void JoinStep::push(std::string_view stretch, bool ends_token, const TokenSink& sink) {
  if (!inside_ && !first_) sink(" ", false);
  sink(stretch, ends_token);
  first_ = false;
  inside_ = !ends_token;
}

void ByteLevelStep::token(const std::string& text, const TokenSink& sink) {
  bytes_ += byte_level_to_bytes(text);
  sink(replace_invalid_utf8(bytes_, false), false);
}

void ByteLevelStep::finish(const TokenSink& sink) { sink(replace_invalid_utf8(bytes_, true), true); }

void ByteFallbackStep::token(const std::string& text, const TokenSink& sink) {
  if (const int byte = fallback_byte(text); byte >= 0) {
    run_.push_back(static_cast<char>(byte));
    return;
  }
  flush(sink);
  sink(text, true);
}

void ByteFallbackStep::flush(const TokenSink& sink) {
  if (run_.empty()) return;
  if (!find_invalid_utf8(run_)) {
    sink(run_, true);
  } else {
    for (size_t i = 0; i < run_.size(); ++i) sink("\xEF\xBF\xBD", true);
  }
  run_.clear();
}

void ReplaceStep::token(const std::string& text, const TokenSink& sink) {
  sink(replace_matches(text, find_(text), content_), true);
}

void StripStep::push(std::string_view stretch, bool ends_token, const TokenSink& sink) {
  std::string out;
  for (size_t offset = 0; offset < stretch.size();) {
    const size_t length = decode_valid_utf8(stretch, offset).length;
    const std::string_view character = stretch.substr(offset, length);
    offset += length;
    at_start_ = at_start_ && character == character_ && removed_ < start_;
    if (at_start_) {
      ++removed_;
    } else if (character == character_ && stop_ > 0) {
      if (++held_ > stop_) out += character_, --held_;
    } else {
      for (; held_ > 0; --held_) out += character_;
      out += character;
    }
  }
  if (ends_token) {
    held_ = removed_ = 0;
    at_start_ = true;
  }
  sink(out, ends_token);
}

void MetaspaceStep::push(std::string_view stretch, bool ends_token, const TokenSink& sink) {
  sink(replace_matches(stretch, find_literal(mark_)(stretch), first_ ? "" : " "), ends_token);
  if (ends_token) first_ = false;
}

void SuffixStep::token(const std::string& text, const TokenSink& sink) {
  if (any_) sink(replace_matches(last_, find_literal(suffix_)(last_), " "), true);
  last_ = text;
  any_ = true;
}

void SuffixStep::finish(const TokenSink& sink) {
  if (any_) sink(replace_matches(last_, find_literal(suffix_)(last_), ""), true);
}

}  // namespace kvdiff
