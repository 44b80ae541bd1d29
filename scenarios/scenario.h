#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "scenarios/case.h"

namespace kvdiff {

// Every combination of the values of its axes: `codec`, `sides` (both, keys, values), and any key that a spec takes
// (bits, group, axis, residual, schedule, ...). In the order written; the last axis turns fastest.
struct Matrix {
  std::vector<std::pair<std::string, std::vector<std::string>>> axes;
  bool operator==(const Matrix&) const = default;
};

// A cache spec's text, or many.
using CacheEntry = std::variant<std::string, Matrix>;

// What to try, not decided yet: settings that all cases share, prompts x caches. Plan (plan.h) decides.
struct Scenario {
  std::string name, summary;
  Case common;  // its prompt and caches are empty
  std::vector<PromptSource> prompts;
  std::vector<CacheEntry> caches;
};

constexpr std::string_view scenario_schema = "kvdiff.scenario/1";

// Strict: no unknown key, no key twice, no other type. `origin` names the text in messages. Throws UserError(usage)
// that says file, JSON pointer, what was found, what was expected and the nearest match.
Scenario parse_scenario(std::string_view json, const std::string& origin);
nlohmann::ordered_json to_json(const Scenario& scenario);

// A shipped scenario's name, or a file, whose paths then count from the file's own folder.
// Throws UserError(usage) for a name that is neither, UserError(io) for a file that cannot be read.
Scenario load_scenario(const std::string& name_or_file);

}  // namespace kvdiff
