#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace kvdiff {

// XXH3, 128 bits, as 32 hexadecimal digits: names what was used. It is no defence against somebody who wants two
// contents to look alike.
std::string digest_text(std::string_view text);

// Of the files' names (without their folder) and contents, in the order of their names: copies of a model in two
// folders have one digest, whether or not they are symbolic links. Throws UserError(input) for a file that cannot be
// read.
std::string digest_files(std::span<const std::filesystem::path> files);

}  // namespace kvdiff
