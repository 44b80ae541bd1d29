#include "harness/text/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

uint8_t byte_at(std::string_view text, size_t offset) { return static_cast<uint8_t>(text[offset]); }

struct Sequence {
  size_t length = 0;  // 0: the byte starts no sequence
  uint8_t second_from = 0x80;
  uint8_t second_to = 0xBF;
};

// The Unicode standard's table 3-7: the second byte's range excludes overlong forms, surrogates and what is too large.
Sequence sequence_of(uint8_t lead) {
  if (lead < 0x80) return {1};
  if (lead < 0xC2) return {0};
  if (lead < 0xE0) return {2};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

// How many bytes from offset on belong to a well-formed sequence or to the longest beginning of one; 0: none.
size_t well_formed_prefix(std::string_view text, size_t offset, const Sequence& sequence) {
  if (sequence.length == 0) return 0;
  size_t good = 1;
  while (good < sequence.length && offset + good < text.size()) {
    const uint8_t next = byte_at(text, offset + good);
    const bool second = good == 1;
    if (next < (second ? sequence.second_from : 0x80) || next > (second ? sequence.second_to : 0xBF)) break;
    ++good;
  }
  return good;
}

char32_t assemble(std::string_view text, size_t offset, size_t length) {
  if (length == 1) return byte_at(text, offset);
  char32_t value = byte_at(text, offset) & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) value = (value << 6) | (byte_at(text, offset + i) & 0x3Fu);
  return value;
}

bool is_python_whitespace(char32_t c) {
  constexpr std::array<char32_t, 19> beyond_latin = {0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005,
                                                     0x2006, 0x2007, 0x2008, 0x2009, 0x200A, 0x2028, 0x2029,
                                                     0x202F, 0x205F, 0x3000, 0x85,   0xA0};
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) ||
         std::find(beyond_latin.begin(), beyond_latin.end(), c) != beyond_latin.end();
}

}  // namespace

std::optional<DecodedCodePoint> decode_utf8(std::string_view text, size_t offset) {
  const Sequence sequence = sequence_of(byte_at(text, offset));
  if (sequence.length == 0 || well_formed_prefix(text, offset, sequence) != sequence.length) return std::nullopt;
  return DecodedCodePoint{assemble(text, offset, sequence.length), sequence.length};
}

DecodedCodePoint decode_valid_utf8(std::string_view text, size_t offset) {
  const uint8_t lead = byte_at(text, offset);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return {assemble(text, offset, length), length};
}

void append_utf8(std::string& text, char32_t c) {
  const auto put = [&text](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | (c >> 6));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

std::string to_utf8(char32_t code_point) {
  std::string text;
  append_utf8(text, code_point);
  return text;
}

std::optional<size_t> find_invalid_utf8(std::string_view text) {
  for (size_t offset = 0; offset < text.size();) {
    if (byte_at(text, offset) < 0x80) {
      ++offset;
      continue;
    }
    const auto decoded = decode_utf8(text, offset);
    if (!decoded) return offset;
    offset += decoded->length;
  }
  return std::nullopt;
}

void require_utf8(std::string_view text, std::string_view what) {
  const auto offset = find_invalid_utf8(text);
  if (!offset) return;
  throw UserError(ExitCode::input,
                  fmt::format("{} is not UTF-8: byte {:#04x} at byte offset {} belongs to no valid sequence. "
                              "Convert it to UTF-8, or give token ids.",
                              what, byte_at(text, *offset), *offset));
}

std::string replace_invalid_utf8(std::string& pending, bool complete) {
  std::string text;
  size_t offset = 0;
  while (offset < pending.size()) {
    const Sequence sequence = sequence_of(byte_at(pending, offset));
    const size_t good = well_formed_prefix(pending, offset, sequence);
    if (good > 0 && good == sequence.length) {
      text.append(pending, offset, good);
    } else if (good > 0 && offset + good == pending.size() && !complete) {
      break;
    } else {
      text += "\xEF\xBF\xBD";
    }
    offset += std::max<size_t>(good, 1);
  }
  pending.erase(0, offset);
  return text;
}

std::string_view strip_python_whitespace(std::string_view text) {
  size_t begin = 0;
  while (begin < text.size()) {
    const auto c = decode_valid_utf8(text, begin);
    if (!is_python_whitespace(c.value)) break;
    begin += c.length;
  }
  size_t end = text.size();
  while (end > begin) {
    size_t start = end - 1;
    while (start > begin && (byte_at(text, start) & 0xC0) == 0x80) --start;
    if (!is_python_whitespace(decode_valid_utf8(text, start).value)) break;
    end = start;
  }
  return text.substr(begin, end - begin);
}

}  // namespace kvdiff
