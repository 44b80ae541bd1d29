#include "cache_backends/spec_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

[[noreturn]] void fail(const std::string& message) { throw UserError(ExitCode::usage, message); }

SideText parse_side(std::string_view text) {
  const size_t colon = text.find(':');
  SideText side{text.substr(0, colon), {}};
  if (side.name.empty()) {
    fail(fmt::format("cache {}: a name is missing; expected NAME or NAME:KEY=VALUE,..., as in hqq:bits=4,group=64",
                     quoted(text)));
  }
  if (colon == std::string_view::npos) return side;
  for (const std::string_view piece : split(text.substr(colon + 1), ',')) {
    const size_t equals = piece.find('=');
    const bool whole = equals != std::string_view::npos && equals > 0 && equals + 1 < piece.size();
    if (!whole || piece.find('=', equals + 1) != std::string_view::npos) {
      fail(fmt::format("cache {}: {} is not KEY=VALUE; expected pieces such as bits=4, joined by commas", quoted(text),
                       quoted(piece)));
    }
    side.values.emplace_back(piece.substr(0, equals), piece.substr(equals + 1));
  }
  return side;
}

BodyText parse_body(std::string_view text) {
  const auto pieces = split(text, '/');
  const bool sided = text.starts_with("k=") || text.starts_with("v=");
  if (!sided && pieces.size() == 1) return {parse_side(text), parse_side(text)};
  if (!sided || pieces.size() != 2 || !pieces[0].starts_with("k=") || !pieces[1].starts_with("v=")) {
    fail(fmt::format("cache {}: keys and values apart are written k=NAME:.../v=NAME:..., keys first, both given",
                     quoted(text)));
  }
  return {parse_side(pieces[0].substr(2)), parse_side(pieces[1].substr(2))};
}

std::pair<int64_t, int64_t> parse_range(std::string_view piece, std::string_view layers) {
  const bool from_end = piece.starts_with('-');
  const size_t dash = from_end ? std::string_view::npos : piece.find('-');
  const auto first = parse_count(from_end ? piece.substr(1) : piece.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_count(piece.substr(dash + 1));
  if (!first || !last || *last < *first || (from_end && *first == 0)) {
    fail(fmt::format("layers {}: {} is not a layer; expected 0, a range such as 3-7, or -1 for the last layer, joined "
                     "by commas", quoted(layers), quoted(piece)));
  }
  return from_end ? std::pair{-*first, -*first} : std::pair{*first, *last};
}

// Sorted, neighbours and overlaps joined, so that one set of layers has one spelling.
LayerRanges normalised(LayerRanges ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& left, const auto& right) {
    const bool left_end = left.first < 0, right_end = right.first < 0;
    if (left_end != right_end) return right_end;
    return left_end ? left.first > right.first : left < right;
  });
  LayerRanges result;
  for (const auto& range : ranges) {
    const bool joins = !result.empty() && range.first >= 0 && range.first <= result.back().second + 1;
    if (joins) result.back().second = std::max(result.back().second, range.second);
    else if (result.empty() || result.back() != range) result.push_back(range);
  }
  return result;
}

OverrideText parse_override(std::string_view text) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos) {
    fail(fmt::format("cache override {}: expected LAYERS@CACHE after '+', as in 0,-1@hqq:bits=8", quoted(text)));
  }
  const std::string_view layers = text.substr(0, at);
  LayerRanges ranges;
  for (const std::string_view piece : split(layers, ',')) ranges.push_back(parse_range(piece, layers));
  return {normalised(std::move(ranges)), parse_body(text.substr(at + 1))};
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (size_t end; (end = text.find(separator)) != std::string_view::npos; text.remove_prefix(end + 1)) {
    pieces.push_back(text.substr(0, end));
  }
  pieces.push_back(text);
  return pieces;
}

std::optional<int64_t> parse_count(std::string_view digits) {
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  int64_t number = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = 10 * number + (digit - '0');
  }
  return number <= largest_number ? std::optional(number) : std::nullopt;
}

std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char letter : text.substr(0, 60)) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x20 || byte >= 0x7f) result += fmt::format("\\x{:02x}", byte);
    else result += letter;
  }
  return result + (text.size() > 60 ? "...'" : "'");
}

SpecText parse_spec_text(std::string_view text) {
  if (text.empty()) fail("cache '': expected a cache such as full, hqq:bits=4,group=64 or k=int8/v=hqq:bits=4");
  if (text.size() > longest_spec) {
    fail(fmt::format("cache {}: {} characters; at most {} are read", quoted(text), text.size(), longest_spec));
  }
  const auto bodies = split(text, '+');
  SpecText spec{parse_body(bodies[0]), {}};
  for (size_t i = 1; i < bodies.size(); ++i) spec.overrides.push_back(parse_override(bodies[i]));
  return spec;
}

std::string text_of(const LayerRanges& ranges) {
  std::string text;
  for (const auto& [first, last] : ranges) {
    if (!text.empty()) text += ',';
    text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return text;
}

bool covers(const LayerRanges& ranges, int64_t layer, int64_t layers) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
    return (range.first <= layer && layer <= range.second) || range.first == layer - layers;
  });
}

}  // namespace kvdiff
