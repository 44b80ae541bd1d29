#include <algorithm>
#include <cmath>
#include <concepts>
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

// Objects and arrays of structures spread over lines, arrays of plain values stay on one: a diff of two reports can be read.
void append_text(std::string& out, const Json& value, int indent) {
  if (!value.is_structured() || value.empty() || (value.is_array() && is_flat(value))) {
    out += scalar(value);
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
