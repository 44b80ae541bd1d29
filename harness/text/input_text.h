#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace kvdiff {

// A whole file that the user named, standard input for "-" (read once, however often it is asked for), or a text that
// the program carries for "shipped:NAME". `what` is what the file is to the user ("prompt"). Throws
// UserError(ExitCode::io) when it is missing, not readable, a folder, or larger than 1 GiB.
std::string read_input_text(const std::filesystem::path& path, std::string_view what);

}  // namespace kvdiff
