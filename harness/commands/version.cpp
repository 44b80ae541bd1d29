#include "harness/commands/version.h"

#include <fmt/format.h>

#include "harness/commands/oracle.h"

namespace kvdiff {
namespace {

std::string compiler() {
#ifdef __clang__
  return fmt::format("clang {}", __clang_version__);
#else
  return fmt::format("g++ {}", __VERSION__);
#endif
}

}  // namespace

std::string version_text() {
  return fmt::format("kvdiff {} ({}, built {} torch)", KVDIFF_VERSION, compiler(), built_with_torch() ? "with" : "without");
}

}  // namespace kvdiff
