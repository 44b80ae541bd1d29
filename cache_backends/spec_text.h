#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvdiff {

// The grammar alone, before any name is looked up:
//   SPEC := BODY { "+" LAYERS "@" BODY }     BODY := SIDE | "k=" SIDE "/" "v=" SIDE
//   SIDE := NAME [ ":" KEY "=" VALUE { "," KEY "=" VALUE } ]     LAYERS := 0 | 3-7 | -1, joined by ","
struct SideText {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> values;  // in the order of the text
};
struct BodyText {
  SideText key, value;  // equal where one SIDE stands for both
};
using LayerRanges = std::vector<std::pair<int64_t, int64_t>>;
struct OverrideText {
  LayerRanges ranges;
  BodyText body;
};
struct SpecText {
  BodyText base;
  std::vector<OverrideText> overrides;
};

constexpr size_t longest_spec = 4096;          // characters
constexpr int64_t largest_number = 1000000000;  // any group, residual or layer beyond it is a slip of the finger

// Views into `text`. Throws UserError(usage) that quotes the piece that does not fit.
SpecText parse_spec_text(std::string_view text);
std::string text_of(const LayerRanges& ranges);
bool covers(const LayerRanges& ranges, int64_t layer, int64_t layers);

// Decimal digits only, at most largest_number; nothing otherwise.
std::optional<int64_t> parse_count(std::string_view digits);
std::vector<std::string_view> split(std::string_view text, char separator);
// In quotes, control characters escaped, cut after 60 characters: for messages.
std::string quoted(std::string_view text);

}  // namespace kvdiff
