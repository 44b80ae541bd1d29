#include "harness/text/escape.h"

#include <fmt/format.h>

#include "harness/text/code_point_set.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

std::string escaped(char32_t c) {
  switch (c) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\\':
      return "\\\\";
    default:
      break;
  }
  // Private use and unassigned code points may be drawn; controls, formats and line separators may not.
  static const CodePointSet hidden = united(united(*find_unicode_class("Cc"), *find_unicode_class("Cf")),
                                            united(*find_unicode_class("Zl"), *find_unicode_class("Zp")));
  return contains(hidden, c) ? fmt::format("\\u{{{:04X}}}", static_cast<uint32_t>(c)) : to_utf8(c);
}

}  // namespace

std::string escape_for_display(std::string_view bytes) {
  std::string out;
  for (size_t offset = 0; offset < bytes.size();) {
    if (const auto c = decode_utf8(bytes, offset)) {
      out += escaped(c->value);
      offset += c->length;
    } else {
      out += fmt::format("\\x{:02X}", static_cast<uint8_t>(bytes[offset++]));
    }
  }
  return out;
}

}  // namespace kvdiff
