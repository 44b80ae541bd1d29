#include "harness/model/files/field_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cache_backends/error.h"
#include "harness/model/files/strict_json.h"

namespace kvdiff {

using nlohmann::json;

const json* FieldReader::find(std::string_view name) const {
  const auto field = object_.find(name);
  return field == object_.end() || field->is_null() ? nullptr : &*field;
}

std::optional<int64_t> FieldReader::integer(std::string_view name, IntegerRange range) {
  const json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  const bool too_large = value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(range.most);
  if (!value->is_number_integer()) {
    wrong_type(name, *value, "an integer");
  } else if (too_large || value->get<int64_t>() < range.least || value->get<int64_t>() > range.most) {
    problem(name, fmt::format("is {}, expected {} to {}", json_in_short(*value), range.least, range.most));
  } else {
    return value->get<int64_t>();
  }
  return std::nullopt;
}

std::optional<double> FieldReader::number(std::string_view name, NumberRange range) {
  const json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    wrong_type(name, *value, "a number");
    return std::nullopt;
  }
  const auto number = value->get<double>();
  if (number >= range.least && number <= range.most) return number;
  problem(name, fmt::format("is {}, expected a number from {} to {}", json_in_short(*value), range.least, range.most));
  return std::nullopt;
}

std::optional<bool> FieldReader::truth(std::string_view name) {
  const json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  wrong_type(name, *value, "true or false");
  return std::nullopt;
}

std::optional<std::string> FieldReader::text(std::string_view name) {
  const json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  wrong_type(name, *value, "a text");
  return std::nullopt;
}

std::vector<int64_t> FieldReader::integers(std::string_view name) {
  const json* const value = find(name);
  if (value == nullptr) return {};
  const json list = value->is_array() ? *value : json::array({*value});
  std::vector<int64_t> integers;
  for (const json& element : list) {
    const bool fits =
        element.is_number_integer() && (!element.is_number_unsigned() || element.get<uint64_t>() <= uint64_t{1} << 62);
    if (!fits) {
      wrong_type(name, element, "an integer or a list of integers");
      return {};
    }
    integers.push_back(element.get<int64_t>());
  }
  return integers;
}

int64_t FieldReader::required_integer(std::string_view name, IntegerRange range) {
  if (!has(name)) problem(name, "is missing");
  return integer(name, range).value_or(range.least);
}

double FieldReader::required_number(std::string_view name, NumberRange range) {
  if (!has(name)) problem(name, "is missing");
  return number(name, range).value_or(range.most);
}

void FieldReader::problem(std::string_view name, std::string_view what) {
  problems_.push_back(fmt::format("{}{} {}", prefix_, name, what));
}

void FieldReader::wrong_type(std::string_view name, const json& value, std::string_view expected) {
  const std::string shown = value.is_structured() ? "" : json_in_short(value) + ", ";
  problem(name, fmt::format("is {}{}, expected {}", shown, json_type_in_words(value), expected));
}

void throw_if_any(const std::vector<std::string>& problems, std::string_view heading, std::string_view advice) {
  if (problems.empty()) return;
  constexpr size_t shown = 20;
  std::string message(heading);
  for (size_t i = 0; i < std::min(shown, problems.size()); ++i) message += "\n  - " + problems[i];
  if (problems.size() > shown) message += fmt::format("\n  and {} more", problems.size() - shown);
  throw UserError(ExitCode::input, fmt::format("{}\n{}", message, advice));
}

}  // namespace kvdiff
