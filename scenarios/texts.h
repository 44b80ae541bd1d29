#pragma once
#include <string>
#include <string_view>

#include "cache_backends/error.h"

namespace kvdiff {

// The whole content of a source: "-" (standard input), "shipped:NAME" (a text that the program carries), or a file.
// `what` names its role in messages ("prompt file"). Throws UserError(code) for what cannot be read or is beyond 64 MiB.
std::string read_source(const std::string& source, std::string_view what, ExitCode code);

constexpr std::string_view shipped_prefix = "shipped:";

// `path` as seen from `folder`: standard input, shipped texts and absolute paths stay as they are.
std::string source_from(const std::string& folder, const std::string& source);

}  // namespace kvdiff
