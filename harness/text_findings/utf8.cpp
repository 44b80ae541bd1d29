#include "harness/text_findings/utf8.h"

namespace kvdiff {

namespace {

struct Lead {
  int following = -1;  // continuation bytes; -1: not a lead byte
  unsigned char second_low = 0x80, second_high = 0xbf;
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {0};
  if (byte >= 0xc2 && byte <= 0xdf) return {1};
  if (byte == 0xe0) return {2, 0xa0, 0xbf};
  if (byte == 0xed) return {2, 0x80, 0x9f};
  if (byte >= 0xe1 && byte <= 0xef) return {2};
  if (byte == 0xf0) return {3, 0x90, 0xbf};
  if (byte >= 0xf1 && byte <= 0xf3) return {3};
  if (byte == 0xf4) return {3, 0x80, 0x8f};
  return {};
}

}  // namespace

std::optional<size_t> first_invalid_utf8(std::string_view bytes, bool incomplete_end_allowed) {
  for (size_t i = 0; i < bytes.size();) {
    const Lead lead = lead_of(static_cast<unsigned char>(bytes[i]));
    if (lead.following < 0) return i;
    for (int j = 1; j <= lead.following; ++j) {
      if (i + static_cast<size_t>(j) == bytes.size())
        return incomplete_end_allowed ? std::nullopt : std::optional<size_t>(i);
      const auto byte = static_cast<unsigned char>(bytes[i + static_cast<size_t>(j)]);
      const bool second = j == 1;
      if (byte < (second ? lead.second_low : 0x80) || byte > (second ? lead.second_high : 0xbf)) return i;
    }
    i += static_cast<size_t>(lead.following) + 1;
  }
  return std::nullopt;
}

}  // namespace kvdiff
