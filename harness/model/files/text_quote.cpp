#include "harness/model/files/text_quote.h"

#include <fmt/format.h>

#include <cstdint>

namespace kvdiff {
namespace {

// Bytes of the well-formed, printable character at the start of the text (Unicode 15, table 3-7), or 0.
size_t printable_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto tail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  if (lead == 0xc2) return byte(1) >= 0xa0 && tail(1) ? 2 : 0;  // below U+00A0: the C1 control characters
  if (lead > 0xc2 && lead < 0xe0) return tail(1) ? 2 : 0;
  if ((lead & 0xf0) == 0xe0) {
    const bool overlong = lead == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = lead == 0xed && byte(1) >= 0xa0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool outside = (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) >= 0x90);
    return tail(1) && tail(2) && tail(3) && !outside ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string quote_name(std::string_view text, size_t longest) {
  std::string out = "'";
  size_t at = 0;
  while (at < text.size() && at < longest) {
    const size_t length = printable_length(text.substr(at));
    if (length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text[at]));
    } else {
      out += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  if (at < text.size()) out += fmt::format("... ({} bytes)", text.size());
  return out + "'";
}

}  // namespace kvdiff
