#include "cache_backends/codecs/spec_values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "cache_backends/error.h"

namespace kvdiff {

std::string choice_value(const SideSpec& spec, const std::vector<SpecKey>& keys, std::string_view name) {
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const SpecKey& row) { return row.name == name; });
  if (key == keys.end()) throw InternalError(fmt::format("{} has no key '{}'", spec.codec, name));
  const auto given = spec.values.find(std::string(name));
  const std::string value = given == spec.values.end() ? key->default_value : given->second;
  if (key->choices.empty() || std::find(key->choices.begin(), key->choices.end(), value) != key->choices.end())
    return value;
  throw UserError(ExitCode::usage, fmt::format("{}: {}={} is not one of {}", spec.codec, name, value,
                                               fmt::join(key->choices, ", ")));
}

int64_t integer_value(const SideSpec& spec, const std::vector<SpecKey>& keys, std::string_view name) {
  const std::string text = choice_value(spec, keys, name);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  const bool chosen = std::any_of(keys.begin(), keys.end(),
                                  [&](const SpecKey& key) { return key.name == name && !key.choices.empty(); });
  if (whole && (chosen || value > 0)) return value;
  throw UserError(ExitCode::usage, fmt::format("{}: {}={} is not a positive whole number", spec.codec, name, text));
}

float stored(Dtype dtype, float value) {
  return value != value ? std::numeric_limits<float>::quiet_NaN() : round_to(dtype, value);
}

}  // namespace kvdiff
