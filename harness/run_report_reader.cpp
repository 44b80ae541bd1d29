#include <cmath>
#include <concepts>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <sstream>
#include <nlohmann/json.hpp>

#include "cache_backends/error.h"
#include "harness/run_report_fields.h"
#include "harness/run_report_json.h"
#include "harness/run_report_names.h"

namespace kvdiff {
namespace {

using Json = nlohmann::json;  // not the ordered one: looking up a key there takes time linear in their number

// Integers that a double holds exactly: nothing that a report does with them can overflow.
constexpr int64_t largest_integer = int64_t{1} << 53;

std::string shortened(const Json& value) {
  const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

std::string found(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  return value.is_null() ? "null" : fmt::format("{} {}", value.is_string() ? "text" : value.type_name(), shortened(value));
}

[[noreturn]] void refuse(const std::string& pointer, std::string_view what, std::string_view expected) {
  throw UserError(ExitCode::input, fmt::format("{}: found {}, expected {}; a report is read as kvdiff wrote it ({})",
                                               pointer.empty() ? "the report" : pointer, what, expected, report_schema));
}

void expect(bool holds, const Json& value, const std::string& pointer, std::string_view expected) {
  if (!holds) refuse(pointer, found(value), expected);
}

double value_of_reason(const std::string& reason) {
  if (reason == "+infinity") return std::numeric_limits<double>::infinity();
  if (reason == "-infinity") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

bool is_not_finite_reason(const std::string& reason) {
  return reason == "NaN" || reason == "+infinity" || reason == "-infinity";
}

class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string pointer) : object_(object), pointer_(std::move(pointer)) {
    expect(object.is_object(), object, pointer_, "an object");
  }

  template <class T> void operator()(const char* name, T& value);

  const Json& take(const std::string& name) {
    const auto at = object_.find(name);
    if (at == object_.end()) refuse(pointer_, fmt::format("no \"{}\"", name), "it to be there");
    taken_.insert(name);
    return *at;
  }
  const Json* take_reason(const std::string& name) {
    const auto at = object_.find(name + "_reason");
    if (at == object_.end()) return nullptr;
    taken_.insert(name + "_reason");
    return &*at;
  }
  std::string at(const std::string& name) const {
    std::string token;  // RFC 6901
    for (const char c : name) token += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return pointer_ + "/" + token;
  }
  void finish() const {
    for (const auto& [key, value] : object_.items()) {
      if (!taken_.contains(key)) refuse(at(key), found(value), "no such key");
    }
  }

 private:
  const Json& object_;
  std::string pointer_;
  std::set<std::string> taken_;
};

void read(const Json& json, const std::string& pointer, bool& value) {
  expect(json.is_boolean(), json, pointer, "true or false");
  value = json.get<bool>();
}

void read(const Json& json, const std::string& pointer, std::string& value) {
  expect(json.is_string(), json, pointer, "text");
  value = json.get<std::string>();
}

void read(const Json& json, const std::string& pointer, uint64_t& value) {
  expect(json.is_number_unsigned(), json, pointer, "an integer of 64 bits, 0 or larger");
  value = json.get<uint64_t>();
}

template <std::signed_integral T> void read(const Json& json, const std::string& pointer, T& value) {
  const int64_t limit = std::min<int64_t>(largest_integer, std::numeric_limits<T>::max());
  const bool fits = json.is_number_integer() && !(json.is_number_unsigned() && json.get<uint64_t>() > uint64_t(limit)) &&
                    json.get<int64_t>() <= limit && json.get<int64_t>() >= -limit;
  expect(fits, json, pointer, fmt::format("an integer of at most {}", limit));
  value = static_cast<T>(json.get<int64_t>());
}

template <class E> requires std::is_enum_v<E> void read(const Json& json, const std::string& pointer, E& value) {
  std::string names;
  for (const E one : EnumValues<E>::all) {
    if (json == name_of(one)) {
      value = one;
      return;
    }
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", name_of(one));
  }
  refuse(pointer, found(json), "one of " + names);
}

template <class T> requires std::is_class_v<T> void read(const Json& json, const std::string& pointer, T& value) {
  ObjectReader reader(json, pointer);
  fields(reader, value);
  reader.finish();
}

void read(const Json& json, const std::string& pointer, std::optional<double>& value) {
  expect(json.is_null() || json.is_number(), json, pointer, "a number or null");
  value = json.is_null() ? std::nullopt : std::optional(json.get<double>());
}

template <class T> void read(const Json& json, const std::string& pointer, std::optional<T>& value) {
  value.reset();
  if (!json.is_null()) read(json, pointer, value.emplace());
}

template <class T> void read(const Json& json, const std::string& pointer, std::vector<T>& values) {
  expect(json.is_array(), json, pointer, "an array");
  values.clear();
  for (size_t i = 0; i < json.size(); ++i) read(json[i], fmt::format("{}/{}", pointer, i), values.emplace_back());
}

void read(const Json& json, const std::string& pointer, std::vector<bool>& values) {
  expect(json.is_array(), json, pointer, "an array");
  values.clear();
  for (size_t i = 0; i < json.size(); ++i) {
    bool value = false;
    read(json[i], fmt::format("{}/{}", pointer, i), value);
    values.push_back(value);
  }
}

Figure read_figure(const Json& json, const Json* reason, const std::string& pointer) {
  if (reason == nullptr) {
    expect(json.is_number(), json, pointer, "a number, or null and a reason");
    return {json.get<double>(), ""};
  }
  expect(reason->is_string(), *reason, pointer + "_reason", "text");
  expect(json.is_null(), json, pointer, "null, because there is a reason for it");
  const auto text = reason->get<std::string>();
  if (is_not_finite_reason(text)) return {value_of_reason(text), ""};
  return {std::nullopt, text};
}

void read(const Json& json, const std::string& pointer, std::vector<MetricValue>& values) {
  ObjectReader reader(json, pointer);
  values.clear();
  for (const auto& [key, value] : json.items()) {
    if (key.ends_with("_reason")) continue;
    reader.take(key);
    values.push_back({key, read_figure(value, reader.take_reason(key), reader.at(key))});
  }
  reader.finish();
}

void read_number(const Json& json, const Json* reason, const std::string& pointer, double& value) {
  const Figure figure = read_figure(json, reason, pointer);
  expect(figure.value.has_value(), reason ? *reason : json, pointer + "_reason", "NaN, +infinity or -infinity");
  value = *figure.value;
}

// `prefix` is the row, for arrays of arrays. Counts the reasons that were used.
size_t read_numbers(const Json& json, const Json* reasons, const std::string& pointer, const std::string& prefix,
                    std::vector<double>& values) {
  expect(json.is_array(), json, pointer, "an array");
  size_t used = 0;
  values.assign(json.size(), 0.0);
  for (size_t i = 0; i < json.size(); ++i) {
    const std::string index = prefix + std::to_string(i);
    const bool has_reason = reasons != nullptr && reasons->contains(index);
    read_number(json[i], has_reason ? &(*reasons)[index] : nullptr, fmt::format("{}/{}", pointer, i), values[i]);
    used += has_reason ? 1 : 0;
  }
  return used;
}

void expect_all_used(const Json* reasons, size_t used, const std::string& pointer) {
  const bool all = reasons == nullptr || reasons->size() == used;
  if (!all) refuse(pointer + "_reason", fmt::format("{} reasons", reasons->size()), fmt::format("{}, one for each null", used));
}

void read_array(const Json& json, const Json* reasons, const std::string& pointer, std::vector<double>& values) {
  if (reasons) expect(reasons->is_object(), *reasons, pointer + "_reason", "an object from index to reason");
  expect_all_used(reasons, read_numbers(json, reasons, pointer, "", values), pointer);
}

void read_array(const Json& json, const Json* reasons, const std::string& pointer,
                std::vector<std::vector<double>>& rows) {
  expect(json.is_array(), json, pointer, "an array");
  if (reasons) expect(reasons->is_object(), *reasons, pointer + "_reason", "an object from row/column to reason");
  size_t used = 0;
  rows.assign(json.size(), {});
  for (size_t row = 0; row < json.size(); ++row) {
    used += read_numbers(json[row], reasons, fmt::format("{}/{}", pointer, row), fmt::format("{}/", row), rows[row]);
  }
  expect_all_used(reasons, used, pointer);
}

template <class T> void ObjectReader::operator()(const char* name, T& value) {
  const Json& json = take(name);
  if constexpr (std::same_as<T, double>) read_number(json, take_reason(name), at(name), value);
  else if constexpr (std::same_as<T, Figure>) value = read_figure(json, take_reason(name), at(name));
  else if constexpr (std::same_as<T, std::vector<double>> || std::same_as<T, std::vector<std::vector<double>>>)
    read_array(json, take_reason(name), at(name), value);
  else read(json, at(name), value);
}

// JSON allows a key twice and the library keeps the last: a report that says two things is refused.
class DuplicateKeys {
 public:
  bool operator()(int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end) keys_.pop_back();
    if (event == Json::parse_event_t::key && !keys_.back().insert(parsed.get<std::string>()).second) {
      throw UserError(ExitCode::input, fmt::format("the key {} stands twice in one object; expected once", shortened(parsed)));
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

Json parse(std::string_view text) {
  DuplicateKeys duplicates;
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) { return duplicates(depth, event, parsed); };
  try {
    return Json::parse(text, callback);
  } catch (const Json::parse_error& error) {
    throw UserError(ExitCode::input,
                    fmt::format("byte {}: found text that is no JSON, expected a report ({}); was it cut off?", error.byte,
                                report_schema));
  } catch (const Json::out_of_range& error) {
    throw UserError(ExitCode::input, fmt::format("found a number that no double can hold ({}), expected a report", error.what()));
  }
}

void require_schema(const Json& json) {
  expect(json.is_object(), json, "", "an object");
  const auto schema = json.find("schema");
  if (schema == json.end()) refuse("/schema", "nothing", fmt::format("\"{}\"", report_schema));
  if (*schema == report_schema) return;
  throw UserError(ExitCode::input, fmt::format("/schema: found {}, expected \"{}\"; read it with the version of kvdiff that "
                                               "wrote it, or run again", found(*schema), report_schema));
}

}  // namespace

RunReport read_report(std::string_view text) {
  Json json = parse(text);
  require_schema(json);
  json.erase("schema");
  RunReport report;
  read(json, "", report);
  return report;
}

RunReport read_report_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    throw UserError(ExitCode::input, fmt::format("{}: found no file that can be read, expected a report that `--report "
                                                 "json:FILE` wrote; check the path", path));
  }
  try {
    return read_report(std::move(text).str());
  } catch (const UserError& error) {
    throw UserError(error.code(), fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace kvdiff
