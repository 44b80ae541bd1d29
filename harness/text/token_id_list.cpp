#include "harness/text/token_id_list.h"

#include <fmt/format.h>

#include <charconv>

#include "cache_backends/error.h"
#include "harness/model/files/field_reader.h"
#include "harness/model/files/text_quote.h"

namespace kvdiff {
namespace {

constexpr std::string_view separators = ", \t\r\n\f\v";

std::string_view without_brackets(std::string_view text) {
  const size_t first = text.find_first_not_of(separators);
  const size_t last = text.find_last_not_of(separators);
  if (first == std::string_view::npos) return "";
  text = text.substr(first, last - first + 1);
  return text.size() >= 2 && text.front() == '[' && text.back() == ']' ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

std::vector<int32_t> parse_token_ids(std::string_view text, int64_t vocabulary_size) {
  std::vector<int32_t> ids;
  std::vector<std::string> problems;
  text = without_brackets(text);
  for (size_t begin = text.find_first_not_of(separators); begin != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(separators, begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    int64_t value = -1;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    const size_t place = ids.size() + 1;
    if (error == std::errc::invalid_argument || stop != word.data() + word.size()) {
      problems.push_back(fmt::format("number {}: {} is no whole number", place, quote_name(word)));
    } else if (error != std::errc() || value < 0 || value >= vocabulary_size) {
      problems.push_back(fmt::format("number {}: {} is no id of this model", place, word));
    }
    ids.push_back(static_cast<int32_t>(value));
    begin = text.find_first_not_of(separators, end);
  }
  throw_if_any(problems, "the token ids cannot be used:",
               fmt::format("Expected whole numbers from 0 to {}.", vocabulary_size - 1));
  return ids;
}

}  // namespace kvdiff
