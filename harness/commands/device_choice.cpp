#include "harness/commands/device_choice.h"

#include <fmt/format.h>

#include "cache_backends/error.h"
#include "scenarios/values.h"

#ifdef KVDIFF_WITH_CUDA
#include "cache_backends/device/cuda_device.h"
#endif

namespace kvdiff {
namespace {

constexpr const char* without_cuda = "this program was built without CUDA (./x build --cuda builds it where nvcc is)";

// Why there is no CUDA; empty where there is.
std::string what_is_missing() {
#ifdef KVDIFF_WITH_CUDA
  return device::cuda_status().reason;
#else
  return without_cuda;
#endif
}

std::shared_ptr<device::Device> cuda_device([[maybe_unused]] int index) {
#ifdef KVDIFF_WITH_CUDA
  return device::make_cuda_device(index);
#else
  throw UserError(ExitCode::environment, fmt::format("--device cuda: {}; use cpu, auto, or emulated, which runs the same "
                                                     "kernels slowly", without_cuda));
#endif
}

DeviceChoice cuda_choice(int index, const std::string& reason) {
  std::shared_ptr<device::Device> device = cuda_device(index);
  const std::string name = device->name();
  return {std::move(device), name, reason};
}

}  // namespace

DeviceChoice choose_device(const std::string& wanted) {
  if (wanted == "cpu") return {nullptr, "cpu", "asked for"};
  if (wanted == "emulated") return {device::make_emulated_device(), "emulated", "asked for"};
  if (wanted == "auto") {
    const std::string missing = what_is_missing();
    return missing.empty() ? cuda_choice(0, "a GPU is there") : DeviceChoice{nullptr, "cpu", missing};
  }
  return cuda_choice(wanted == "cuda" ? 0 : static_cast<int>(whole_number(std::string_view(wanted).substr(5), 0)), "asked for");
}

DeviceState device_state() {
  const std::string missing = what_is_missing();
  if (missing.empty()) return {true, "cuda: --device auto takes it"};
  return {false, fmt::format("cpu; no CUDA: {}. --device auto takes the cpu, cuda ends with exit code 4, emulated runs CUDA's "
                             "kernels on emulated threads, to prove them", missing)};
}

}  // namespace kvdiff
