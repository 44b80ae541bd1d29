#pragma once
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace kvdiff {

using Json = nlohmann::ordered_json;

// A scenario's JSON, with what the library lets pass refused: duplicate keys, nesting deeper than 16.
// Throws UserError(usage) that names `origin` and the line.
Json parse_scenario_json(std::string_view text, const std::string& origin);

// A value with the way to it, for messages.
struct JsonAt {
  const Json& value;
  std::string origin;   // the file
  std::string pointer;  // "/caches/2/bits"
  JsonAt at(const std::string& key) const { return {value.at(key), origin, pointer + "/" + key}; }
  JsonAt at(size_t index) const { return {value.at(index), origin, pointer + "/" + std::to_string(index)}; }
  [[noreturn]] void refuse(std::string_view expected) const;  // "FILE: POINTER: found ..., expected ..."
  [[noreturn]] void fail(std::string_view message) const;     // "FILE: POINTER: message"
};

std::string text_at(const JsonAt& json);  // a string, or UserError(usage)
void require_object(const JsonAt& json);
void require_list(const JsonAt& json);    // a list that is not empty
// Refuses the first key that is none of `known`, with the nearest of them.
void require_known_keys(const JsonAt& json, std::span<const std::string_view> known);

}  // namespace kvdiff
