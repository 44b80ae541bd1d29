#include <algorithm>
#include <cmath>
#include <concepts>
#include <utility>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/run_report_fields.h"
#include "harness/run_report_json.h"
#include "harness/run_report_names.h"

namespace kvdiff {
namespace {

using Json = nlohmann::ordered_json;

std::string_view reason_of(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "+infinity" : "-infinity";
}

struct ObjectWriter {
  Json object = Json::object();

  void number(const std::string& name, double value) {
    if (std::isfinite(value)) object[name] = value;
    else without(name, reason_of(value));
  }
  void without(const std::string& name, std::string_view reason) {
    object[name] = nullptr;
    object[name + "_reason"] = reason;
  }

  template <class T> void operator()(const char* name, T& value);
};

template <class T> concept NamedEnum = std::is_enum_v<T>;
template <class T> concept Plain = std::integral<T> || std::same_as<T, std::string>;

template <class T> Json json_of(T& value);
template <Plain T> Json json_of(T& value) { return value; }
template <NamedEnum T> Json json_of(T& value) { return name_of(value); }
Json json_of(std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }
template <class T> Json json_of(std::optional<T>& value) { return value ? json_of(*value) : Json(nullptr); }

template <class T> Json json_of(std::vector<T>& values) {
  Json array = Json::array();
  for (T& value : values) array.push_back(json_of(value));
  return array;
}

Json json_of(std::vector<bool>& values) { return Json(values); }

Json json_of(std::vector<MetricValue>& values) {
  std::ranges::sort(values, {}, &MetricValue::metric);
  ObjectWriter writer;
  for (const auto& [metric, figure] : values) {
    if (figure.value) writer.number(metric, *figure.value);
    else writer.without(metric, figure.reason);
  }
  return writer.object;
}

template <class T> Json json_of(T& value) {
  ObjectWriter writer;
  fields(writer, value);
  return writer.object;
}

void write_array(ObjectWriter& writer, const std::string& name, const std::vector<double>& values) {
  Json array = Json::array(), reasons = Json::object();
  for (size_t i = 0; i < values.size(); ++i) {
    const bool finite = std::isfinite(values[i]);
    array.push_back(finite ? Json(values[i]) : Json(nullptr));
    if (!finite) reasons[std::to_string(i)] = reason_of(values[i]);
  }
  writer.object[name] = std::move(array);
  if (!reasons.empty()) writer.object[name + "_reason"] = std::move(reasons);
}

// Rows of rows: the index is `row/column`.
void write_rows(ObjectWriter& writer, const std::string& name, const std::vector<std::vector<double>>& rows) {
  Json array = Json::array(), reasons = Json::object();
  for (size_t row = 0; row < rows.size(); ++row) {
    ObjectWriter one;
    write_array(one, "row", rows[row]);
    array.push_back(one.object["row"]);
    if (!one.object.contains("row_reason")) continue;
    for (const auto& [column, reason] : one.object["row_reason"].items()) {
      reasons[fmt::format("{}/{}", row, column)] = reason;
    }
  }
  writer.object[name] = std::move(array);
  if (!reasons.empty()) writer.object[name + "_reason"] = std::move(reasons);
}

template <class T> void ObjectWriter::operator()(const char* name, T& value) {
  if constexpr (std::same_as<T, double>) number(name, value);
  else if constexpr (std::same_as<T, std::vector<double>>) write_array(*this, name, value);
  else if constexpr (std::same_as<T, std::vector<std::vector<double>>>) write_rows(*this, name, value);
  else if constexpr (std::same_as<T, Figure>) value.value ? number(name, *value.value) : without(name, value.reason);
  else object[name] = json_of(value);
}

bool is_flat(const Json& value) {
  for (const auto& element : value) {
    if (element.is_structured()) return false;
  }
  return true;
}

std::string scalar(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Appends the value on one line; false when it does not fit into `room` bytes (out is then of no use).
bool append_line(std::string& out, const Json& value, size_t room) {
  if (!value.is_structured()) {
    out += scalar(value);
    return out.size() <= room;
  }
  const bool is_object = value.is_object();
  out += is_object ? '{' : '[';
  bool first = true;
  for (const auto& [key, element] : value.items()) {
    if (!std::exchange(first, false)) out += ", ";
    if (is_object) out += scalar(Json(key)) + ": ";
    if (!append_line(out, element, room)) return false;
  }
  out += is_object ? '}' : ']';
  return out.size() <= room;
}

constexpr size_t longest_line = 110, no_limit = std::string::npos;

// What fits into a line stays on one, and so does each array of plain values, however long: a diff of two reports can be read.
void append_text(std::string& out, const Json& value, int indent) {
  const bool always = !value.is_structured() || (value.is_array() && is_flat(value));
  std::string line;
  if (append_line(line, value, always ? no_limit : longest_line)) {
    out += line;
    return;
  }
  const std::string inner(static_cast<size_t>(indent) + 1, ' ');
  const char* separator = value.is_array() ? "[\n" : "{\n";
  for (const auto& [key, element] : value.items()) {
    out += separator + inner;
    if (value.is_object()) out += scalar(Json(key)) + ": ";
    append_text(out, element, indent + 1);
    separator = ",\n";
  }
  out += "\n" + std::string(static_cast<size_t>(indent), ' ') + (value.is_array() ? "]" : "}");
}

}  // namespace

std::string report_json(const RunReport& report) {
  RunReport copy = report;  // the list of fields is shared with the reader, which fills it
  ObjectWriter writer;
  writer.object["schema"] = report_schema;
  fields(writer, copy);
  std::string text;
  append_text(text, writer.object, 0);
  return text + "\n";
}

}  // namespace kvdiff
