#include "harness/text/pattern.h"

#include <fmt/format.h>

#include "cache_backends/error.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

FindMatches find_regex(std::string_view pattern) {
  const auto regex = std::make_shared<SplitRegex>(pattern);
  return [regex](std::string_view text) { return regex->find(text); };
}

}  // namespace

FindMatches find_literal(std::string literal) {
  return [literal = std::move(literal)](std::string_view text) {
    std::vector<TextMatch> matches;
    size_t covered = 0;
    for (size_t at = text.find(literal); at != std::string_view::npos; at = text.find(literal, covered)) {
      if (at > covered) matches.push_back({covered, at, false});
      covered = at + literal.size();
      matches.push_back({at, covered, true});
    }
    if (covered < text.size() || text.empty()) matches.push_back({covered, text.size(), false});
    return matches;
  };
}

FindMatches read_pattern(JsonReader& fields, std::string_view name) {
  JsonReader pattern(fields.field(name), fmt::format("{}.{}", fields.place(), name));
  FindMatches find;
  if (pattern.has("Regex")) {
    find = find_regex(pattern.text("Regex"));
  } else {
    const std::string literal = pattern.text("String");
    find = literal.empty() ? find_regex("") : find_literal(literal);
  }
  pattern.finish();
  return find;
}

SplitBehavior read_split_behavior(JsonReader& fields, std::string_view name) {
  static constexpr std::pair<std::string_view, SplitBehavior> behaviors[] = {
      {"Removed", SplitBehavior::removed},
      {"Isolated", SplitBehavior::isolated},
      {"MergedWithPrevious", SplitBehavior::merged_with_previous},
      {"MergedWithNext", SplitBehavior::merged_with_next},
      {"Contiguous", SplitBehavior::contiguous}};
  const std::string text = fields.text(name);
  for (const auto& [spelling, behavior] : behaviors) {
    if (text == spelling) return behavior;
  }
  fields.refuse(fmt::format(
      "has \"{}\": \"{}\", expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous", name, text));
}

std::string read_character(JsonReader& fields, std::string_view name) {
  std::string text = fields.text(name);
  if (text.empty() || decode_valid_utf8(text, 0).length != text.size()) {
    fields.refuse(fmt::format("has \"{}\": \"{}\", expected exactly one character", name, text));
  }
  return text;
}

void require_sane_size(size_t bytes) {
  if (bytes <= largest_text) return;
  throw UserError(ExitCode::input,
                  fmt::format("tokenizer.json: its components let the text grow to {} bytes, more than {} MiB. "
                              "Shorten the prompt, or give token ids.",
                              bytes, largest_text >> 20));
}

std::string replace_matches(std::string_view text, const std::vector<TextMatch>& matches, std::string_view content) {
  size_t size = 0;
  for (const auto& match : matches) size += match.is_match ? content.size() : match.end - match.begin;
  require_sane_size(size);
  std::string out;
  out.reserve(size);
  for (const auto& match : matches) {
    out += match.is_match ? content : text.substr(match.begin, match.end - match.begin);
  }
  return out;
}

}  // namespace kvdiff
