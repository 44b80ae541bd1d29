#include "cache_backends/device/gpu_status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace kvdiff::device {
namespace {

std::string version(int number) { return fmt::format("{}.{}", number / 1000, number % 1000 / 10); }
double gibibytes(int64_t bytes) { return static_cast<double>(bytes) / static_cast<double>(int64_t{1} << 30); }

std::string list_of(const CudaStatus& status) {
  std::vector<std::string> all;
  for (size_t i = 0; i < status.devices.size(); ++i) all.push_back(fmt::format("{} ({})", i, status.devices[i].name));
  return fmt::format("{}", fmt::join(all, ", "));
}

std::string list_of(std::span<const Capability> built) {
  std::vector<std::string> all;
  for (const Capability& one : built) all.push_back(fmt::format("{}.{}", one.major, one.minor));
  return fmt::format("{}", fmt::join(all, ", "));
}

}  // namespace

std::string reason_for_none(CudaAnswer answer, int driver, int runtime, const std::string& words) {
  const std::string wanted = version(runtime);
  if (driver == 0)
    return fmt::format("found no NVIDIA driver, expected one for CUDA {} or newer; install it, or use --device cpu", wanted);
  if (answer == CudaAnswer::old_driver)
    return fmt::format("found a driver for CUDA {}, expected one for CUDA {}, which this program was built with, or newer; update "
                       "the driver, or use --device cpu", version(driver), wanted);
  if (answer == CudaAnswer::other)
    return fmt::format("the driver (CUDA {}) cannot be used: {}; nvidia-smi may say more, or use --device cpu", version(driver), words);
  return fmt::format("found a driver (CUDA {}) and no GPU, expected one; if the machine has one, look at CUDA_VISIBLE_DEVICES and "
                     "at what the container may see, or use --device cpu", version(driver));
}

std::vector<Capability> capabilities_of(std::string_view architectures) {
  std::vector<Capability> all;
  for (size_t at = 0; at < architectures.size();) {
    int number = 0;
    const size_t start = at;
    while (at < architectures.size() && architectures[at] >= '0' && architectures[at] <= '9' && at < start + 4)
      number = 10 * number + (architectures[at++] - '0');
    if (number >= 10) all.push_back({number / 10, number % 10});
    while (at < architectures.size() && std::string_view(" ;,").find(architectures[at]) == std::string_view::npos) ++at;
    ++at;
  }
  return all;
}

std::string refusal(const CudaStatus& status, std::span<const Capability> built, int index) {
  if (status.devices.empty()) return status.reason;
  if (index < 0 || index >= static_cast<int>(status.devices.size()))
    return fmt::format("found no GPU {}, expected one of {}", index, list_of(status));
  const CudaDeviceInfo& device = status.devices[static_cast<size_t>(index)];
  if (std::any_of(built.begin(), built.end(), [&](const Capability& one) { return one.runs_on(device); })) return "";
  return fmt::format("found GPU {} ({}) of compute capability {}.{}, expected one that the kernels were built for: {} (or a later "
                     "minor version of the same major one); build them with -DKVDIFF_CUDA_ARCHITECTURES={}{}, take another GPU, or "
                     "use --device cpu", index, device.name, device.major, device.minor, list_of(built), device.major, device.minor);
}

void require_device(const CudaStatus& status, std::span<const Capability> built, int index) {
  const std::string words = refusal(status, built, index);
  if (!words.empty()) throw UserError(ExitCode::environment, "--device cuda: " + words);
}

UserError out_of_memory(int64_t asked, int64_t free, int64_t total) {
  return UserError(ExitCode::environment,
                   fmt::format("not enough memory on the GPU: {} bytes were asked for ({:.2f} GiB), {:.2f} of {:.2f} GiB are free; fewer "
                               "--cache, fewer --tokens, fewer modes or a smaller model need less, and so does a GPU that nobody "
                               "else uses", asked, gibibytes(asked), gibibytes(free), gibibytes(total)));
}

UserError unusable(int index, const std::string& name, const std::string& words) {
  return UserError(ExitCode::environment,
                   fmt::format("--device cuda: GPU {} ({}) cannot be used: {}; nvidia-smi shows its state and who else uses it; take "
                               "another GPU, or use --device cpu", index, name, words));
}

void StartedKernels::add(const char* row) { last_[count_++ % kept] = row; }

std::string StartedKernels::text() const {
  const int64_t open = count_ - done_;
  if (open == 0) return "no kernel was started since the host last waited";
  std::vector<std::string> names;
  for (int64_t i = std::max(done_, count_ - kept); i < count_; ++i) names.emplace_back(last_[i % kept]);
  const std::string which = open > kept ? fmt::format("the last {} of {}", kept, open) : fmt::format("all {}", open);
  return fmt::format("{} kernels started since the host last waited, oldest first: {}", which, fmt::join(names, ", "));
}

std::string failure_text(const std::string& doing, const std::string& words, const StartedKernels& started) {
  return fmt::format("CUDA failed at {}: {}. {}. With CUDA_LAUNCH_BLOCKING=1 the kernel that fails is the last one.", doing, words,
                     started.text());
}

void check_grid(const char* row, const Geometry& geometry) {
  constexpr int64_t most_x = (int64_t{1} << 31) - 1, most_y = 65535, most_shared = 48 << 10;
  constexpr int most_threads = 1024;
  if (geometry.blocks_x >= 1 && geometry.blocks_x <= most_x && geometry.blocks_y >= 1 && geometry.blocks_y <= most_y &&
      geometry.width >= 1 && geometry.width <= most_threads && geometry.shared_bytes >= 0 && geometry.shared_bytes <= most_shared)
    return;
  throw InternalError(fmt::format("kernel {}: {} x {} blocks of {} threads with {} bytes of shared memory are more than a GPU takes "
                                  "({} x {}, {}, {})", row, geometry.blocks_x, geometry.blocks_y, geometry.width,
                                  geometry.shared_bytes, most_x, most_y, most_threads, most_shared));
}

}  // namespace kvdiff::device
