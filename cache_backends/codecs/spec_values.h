#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cache_backends/codec.h"

namespace kvdiff {

// A key's text, or its default where the spec leaves it out. Throws UserError(usage) for what the table does not allow:
// the grammar has checked the same already, so that only a hand-made spec meets it here.
std::string choice_value(const SideSpec& spec, const std::vector<SpecKey>& keys, std::string_view name);
int64_t integer_value(const SideSpec& spec, const std::vector<SpecKey>& keys, std::string_view name);

// Rounded to the type, NaN made the canonical one, so that stored bits do not tell which machine made them.
float stored(Dtype dtype, float value);

}  // namespace kvdiff
