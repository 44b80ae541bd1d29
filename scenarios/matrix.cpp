#include "scenarios/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "cache_backends/registry.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

constexpr std::string_view lane_axes[] = {"schedule", "residual", "prefill"};
constexpr std::string_view side_choices[] = {"both", "keys", "values"};
constexpr size_t most_combinations = 10000;

bool is_lane_axis(std::string_view axis) {
  return std::find(std::begin(lane_axes), std::end(lane_axes), axis) != std::end(lane_axes);
}

bool has_key(const CodecRow& codec, std::string_view axis) {
  if (is_lane_axis(axis)) return codec.make != nullptr;  // full precision has no schedule of its own
  const std::vector<SpecKey> keys = spec_keys(codec);
  return std::any_of(keys.begin(), keys.end(), [&](const SpecKey& key) { return key.name == axis; });
}

const std::vector<std::string>* values_of(const Matrix& matrix, std::string_view axis) {
  for (const auto& [name, values] : matrix.axes) {
    if (name == axis) return &values;
  }
  return nullptr;
}

void require_used(const Matrix& matrix, const std::string& axis) {
  if (axis == "codec" || axis == "sides") return;
  std::vector<std::string_view> known = {"codec", "sides", "schedule", "residual", "prefill"};
  for (const std::string& name : *values_of(matrix, "codec")) {
    if (has_key(find_codec(name), axis)) return;
  }
  std::vector<std::string> keys;
  for (const std::string& name : *values_of(matrix, "codec")) {
    for (const SpecKey& key : spec_keys(find_codec(name))) keys.push_back(key.name);
  }
  known.insert(known.end(), keys.begin(), keys.end());
  throw UserError(ExitCode::usage, fmt::format("no codec of this matrix has the key {}, expected one of {}. Did you mean '{}'?",
                                               shown(axis), joined(known), nearest_match(axis, known)));
}

void require_sound(const Matrix& matrix) {
  if (values_of(matrix, "codec") == nullptr) {
    throw UserError(ExitCode::usage, "a matrix needs the key 'codec', like \"codec\": [\"hqq\", \"int8\"]");
  }
  for (const std::string& codec : *values_of(matrix, "codec")) find_codec(codec);
  size_t product = 1;
  for (const auto& [axis, values] : matrix.axes) {
    if (values.empty()) throw UserError(ExitCode::usage, fmt::format("the axis {} has no values", shown(axis)));
    require_used(matrix, axis);
    if (axis == "sides") {
      for (const std::string& value : values) one_of(value, side_choices);
    }
    product *= values.size();
    if (product > most_combinations) {
      throw UserError(ExitCode::usage, fmt::format("the matrix has more than {} combinations", most_combinations));
    }
  }
}

using Chosen = std::map<std::string, std::string, std::less<>>;

std::string spec_text(const Matrix& matrix, const Chosen& chosen) {
  const CodecRow& codec = find_codec(chosen.at("codec"));
  std::string side(codec.name);
  char separator = ':';
  for (const auto& [axis, values] : matrix.axes) {
    if (axis == "codec" || axis == "sides" || !has_key(codec, axis)) continue;
    side += fmt::format("{}{}={}", separator, axis, chosen.at(axis));
    separator = ',';
  }
  const auto sides = chosen.find("sides");
  if (sides == chosen.end() || sides->second == "both" || codec.make == nullptr) return side;
  return sides->second == "keys" ? "k=" + side + "/v=full" : "k=full/v=" + side;
}

Combination combination(const Matrix& matrix, const Chosen& chosen) {
  Combination one{spec_text(matrix, chosen), {}};
  try {
    parse_cache_spec(one.text);
  } catch (const UserError& error) {
    one.reason = error.what();
  }
  return one;
}

// Odometer: the last axis turns fastest.
bool advance(std::vector<size_t>& position, const Matrix& matrix) {
  for (size_t i = position.size(); i-- > 0;) {
    if (++position[i] < matrix.axes[i].second.size()) return true;
    position[i] = 0;
  }
  return false;
}

std::string axis_value(const JsonAt& json) {
  if (json.value.is_number_integer() || json.value.is_boolean()) return json.value.dump();
  return text_at(json);
}

}  // namespace

std::vector<Combination> combinations(const Matrix& matrix) {
  require_sound(matrix);
  std::vector<Combination> result;
  std::vector<size_t> position(matrix.axes.size(), 0);
  do {
    Chosen chosen;
    for (size_t i = 0; i < position.size(); ++i) chosen[matrix.axes[i].first] = matrix.axes[i].second[position[i]];
    result.push_back(combination(matrix, chosen));
  } while (advance(position, matrix));
  return result;
}

Matrix matrix_at(const JsonAt& json) {
  Matrix matrix;
  for (const auto& [axis, value] : json.value.items()) {
    const JsonAt at = json.at(axis);
    std::vector<std::string>& values = matrix.axes.emplace_back(axis, std::vector<std::string>{}).second;
    if (value.is_array()) {
      require_list(at);
      for (size_t i = 0; i < value.size(); ++i) values.push_back(axis_value(at.at(i)));
    } else {
      values.push_back(axis_value(at));
    }
  }
  try {
    require_sound(matrix);
  } catch (const UserError& error) {
    json.fail(error.what());
  }
  return matrix;
}

Json to_json(const Matrix& matrix) {
  Json json = Json::object();
  for (const auto& [axis, values] : matrix.axes) json[axis] = values;
  return json;
}

}  // namespace kvdiff
