#include "harness/commands/version.h"

#include <fmt/format.h>

#include "harness/commands/oracle.h"

namespace kvdiff {

std::string compiler_text() {
#ifdef __clang__
  return fmt::format("clang {}", __clang_version__);
#else
  return fmt::format("g++ {}", __VERSION__);
#endif
}

std::string version_text() {
  return fmt::format("kvdiff {} ({}, built {} torch)", KVDIFF_VERSION, compiler_text(), built_with_torch() ? "with" : "without");
}

}  // namespace kvdiff
