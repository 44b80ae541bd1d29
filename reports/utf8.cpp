#include "reports/utf8.h"

namespace kvdiff {
namespace {

size_t length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

bool is_scalar(char32_t value, size_t bytes) {
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  return value >= least[bytes] && value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff);
}

}  // namespace

Utf8Character utf8_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const size_t bytes = length_of(byte(0));
  if (bytes == 1) return {byte(0), 1, true};
  if (bytes == 0 || at + bytes > text.size()) return {byte(0), 1, false};
  char32_t value = byte(0) & (0x7fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {byte(0), 1, false};
    value = (value << 6) | (byte(i) & 0x3fu);
  }
  if (!is_scalar(value, bytes)) return {byte(0), 1, false};
  return {value, bytes, true};
}

}  // namespace kvdiff
