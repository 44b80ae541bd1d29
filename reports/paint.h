#pragma once
#include <string>
#include <string_view>

#include "reports/render.h"

namespace kvdiff {

enum class Tone { plain, dim, strong, good, warning, bad };

// The text in its tone, or as it is where colours are off. Count columns before painting.
std::string painted(std::string_view text, Tone tone, const RenderOptions& options);

}  // namespace kvdiff
