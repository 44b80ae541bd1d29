#pragma once
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/diagnose/diagnosis.h"

// JSON of the findings that have a header of their own: diagnosis_json.cpp. Shapes: reports/diagnosis.schema.json.
namespace kvdiff {

using Json = nlohmann::ordered_json;

// JSON has no number that is not finite: null, and a reason beside it.
void number(Json& object, const std::string& name, std::optional<double> value, std::string_view missing = "not asked: the budget was spent");

template <class Value> Json or_null(const std::optional<Value>& value) { return value ? Json(*value) : Json(nullptr); }
// Where a null speaks for itself.
inline Json or_null(std::optional<double> value) { return value && std::isfinite(*value) ? Json(*value) : Json(nullptr); }

Json json_of(const Part& part);
Json json_of(const ArithmeticFinding& found);
Json json_of(const FirstFlip& flip);
Json json_of(const RestoredFinding& found);
Json json_of(const IntervalFinding& found);
Json json_of(const CompanyFinding& found);
Json json_of(const TokenFinding& found);
Json json_of(const FurtherPromptsFinding& found);
Json json_of(const ConformanceFinding& found);  // conformance_json.cpp

}  // namespace kvdiff
