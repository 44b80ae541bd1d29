#include "harness/text/json_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cache_backends/error.h"
#include "harness/model/files/field_reader.h"
#include "harness/model/files/strict_json.h"

namespace kvdiff {

void refuse_if_any(const std::vector<std::string>& problems) {
  throw_if_any(problems, "tokenizer.json cannot be used:",
               "Take it from the model's source again, or give the prompt as token ids.");
}

JsonReader::JsonReader(const nlohmann::json& object, std::string place) : object_(object), place_(std::move(place)) {
  if (!object_.is_object()) refuse(fmt::format("is {}, expected an object", json_in_short(object_)));
}

const nlohmann::json* JsonReader::find(std::string_view name) const {
  const auto found = object_.find(name);
  return found == object_.end() ? nullptr : &*found;
}

bool JsonReader::has(std::string_view name) const {
  const auto* value = find(name);
  return value != nullptr && !value->is_null();
}

const nlohmann::json& JsonReader::field(std::string_view name) {
  asked_.emplace(name);
  const auto* value = find(name);
  if (value == nullptr) refuse(fmt::format("has no field \"{}\"", name));
  return *value;
}

std::string JsonReader::text(std::string_view name) {
  const auto& value = field(name);
  if (!value.is_string()) refuse(fmt::format("has \"{}\": {}, expected a string", name, json_in_short(value)));
  return value.get<std::string>();
}

bool JsonReader::boolean(std::string_view name) {
  const auto& value = field(name);
  if (!value.is_boolean()) refuse(fmt::format("has \"{}\": {}, expected true or false", name, json_in_short(value)));
  return value.get<bool>();
}

bool JsonReader::boolean_or(std::string_view name, bool fallback) {
  asked_.emplace(name);
  return has(name) ? boolean(name) : fallback;
}

int64_t JsonReader::whole_number(std::string_view name, int64_t from, int64_t to) {
  const auto& value = field(name);
  const bool fits =
      value.is_number_unsigned() ? value.get<uint64_t>() <= static_cast<uint64_t>(to) : value.is_number_integer();
  if (!fits || value.get<int64_t>() < from || value.get<int64_t>() > to) {
    refuse(fmt::format("has \"{}\": {}, expected a whole number from {} to {}", name, json_in_short(value), from, to));
  }
  return value.get<int64_t>();
}

const nlohmann::json& JsonReader::array(std::string_view name) {
  const auto& value = field(name);
  if (!value.is_array()) refuse(fmt::format("has \"{}\": {}, expected an array", name, json_in_short(value)));
  return value;
}

void JsonReader::finish() const {
  for (const auto& [name, value] : object_.items()) {
    if (asked_.count(name) == 0 && !value.is_null()) {
      refuse(fmt::format("has the field \"{}\": {}, which is not supported", name, json_in_short(value)));
    }
  }
}

void JsonReader::refuse(const std::string& what) const {
  throw UserError(ExitCode::input, fmt::format("tokenizer.json: {} {}.", place_, what));
}

NestingLevel::NestingLevel(Nesting& nesting, const JsonReader& fields) : nesting_(nesting) {
  if (nesting_.depth >= 16) fields.refuse("is nested more than 16 deep");
  if (nesting_.components >= 100) fields.refuse("is the 101st component, more than are supported");
  ++nesting_.components;
  ++nesting_.depth;
}

void refuse_component(const JsonReader& fields, const std::string& type, const std::vector<std::string>& known) {
  fields.refuse(fmt::format("has the type \"{}\", which is not supported (supported: {}). Give the prompt as token ids",
                            type, fmt::join(known, ", ")));
}

}  // namespace kvdiff
