#include <algorithm>
#include <fmt/format.h>

#include "harness/text_findings/kinds.h"
#include "harness/text_findings/utf8.h"

namespace kvdiff {
namespace {

bool is_blank(std::string_view bytes) { return bytes.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos; }

}  // namespace

std::string joined(const GeneratedText& text, int64_t first, int64_t end) {
  std::string bytes;
  for (int64_t i = first; i < end; ++i) bytes += text.pieces[static_cast<size_t>(i)];
  return bytes;
}

bool begins_sentence(const GeneratedText& text, int64_t token) {
  if (token == 0) return true;
  const std::string_view piece = text.pieces[static_cast<size_t>(token)], before = text.pieces[static_cast<size_t>(token - 1)];
  const size_t last = before.find_last_not_of(' ');
  return piece.starts_with('\n') || (last != std::string_view::npos && std::string_view("\n.!?").find(before[last]) != std::string_view::npos);
}

bool has_letter_or_digit(std::string_view bytes) {
  return std::any_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
  });
}

std::optional<GibberishFinding> find_empty(const GeneratedText& text) {
  if (!is_blank(joined(text, 0, count(text)))) return std::nullopt;
  GibberishFinding finding;
  finding.kind = GibberishKind::empty;
  finding.onset = 0;
  finding.evidence = fmt::format("{} tokens, and not one character that is no white space", count(text));
  return finding;
}

std::optional<GibberishFinding> find_invalid_utf8(const GeneratedText& text) {
  const std::string bytes = joined(text, 0, count(text));
  const std::optional<size_t> place = first_invalid_utf8(bytes, !text.ended);
  if (!place) return std::nullopt;
  GibberishFinding finding;
  finding.kind = GibberishKind::invalid_utf8;
  size_t length = 0;
  for (finding.onset = 0; finding.onset < count(text); ++finding.onset) {
    length += text.pieces[static_cast<size_t>(finding.onset)].size();
    if (length > *place) break;
  }
  finding.evidence = fmt::format("byte {} of the text, 0x{:02x}, does not begin or continue a UTF-8 character", *place,
                                 static_cast<unsigned char>(bytes[*place]));
  return finding;
}

}  // namespace kvdiff
