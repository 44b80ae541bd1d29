#pragma once
#include <string>

namespace kvdiff {

std::string compiler_text();  // "g++ 12.2.0"
std::string version_text();    // "kvdiff 0.1.0 (g++ 12.2.0, built without torch)"

}  // namespace kvdiff
