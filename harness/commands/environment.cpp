#include "harness/commands/environment.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <ctime>
#include <fstream>

#include "cache_backends/kernels/simd.h"
#include "harness/commands/version.h"

namespace kvdiff {
namespace {

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) {
      const size_t at = line.find(": ");
      return at == std::string::npos ? "" : line.substr(at + 2);
    }
  return "";
}

std::string operating_system() {
  utsname name{};
  return uname(&name) == 0 ? fmt::format("{} {} {}", name.sysname, name.release, name.machine) : "";
}

}  // namespace

void describe_environment(EnvironmentReport& environment) {
  environment.kvdiff_version = KVDIFF_VERSION;
  environment.compiler = compiler_text();
  environment.cpu = cpu_name();
  environment.operating_system = operating_system();
  for (const Simd simd : {Simd::avx2, Simd::avx512})
    if (supported(simd)) environment.cpu_features.emplace_back(name_of(simd));
  environment.torch_version = KVDIFF_TORCH_VERSION;
  environment.time = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace kvdiff
