#pragma once
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace kvdiff::diagnosis {

using Json = nlohmann::ordered_json;

// JSON has no number that is not finite: null, and a reason beside it.
inline void number(Json& object, const std::string& name, std::optional<double> value,
                   const std::string& none = "not asked: the budget was spent") {
  if (value && std::isfinite(*value)) {
    object[name] = *value;
    return;
  }
  object[name] = nullptr;
  object[name + "_reason"] = value ? "not finite" : none;
}

// Where a null speaks for itself.
inline Json or_null(std::optional<double> value) { return value && std::isfinite(*value) ? Json(*value) : Json(nullptr); }

}  // namespace kvdiff::diagnosis
