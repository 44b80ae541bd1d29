#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache_backends/device/geometry.h"
#include "cache_backends/error.h"

// What is known of a machine's CUDA, and what is said about it: plain values and words, without CUDA itself. What asks the
// driver stands in cuda_device.cpp.
namespace kvdiff::device {

// Versions are counted as CUDA does: 1000 * major + 10 * minor.
struct CudaDeviceInfo {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int64_t memory = 0;        // bytes, all of it
};
struct CudaStatus {
  int driver = 0;  // the newest CUDA that the driver knows; 0: no driver
  int runtime = 0;
  std::vector<CudaDeviceInfo> devices;
  std::string reason;  // why the first cannot be used, "found ..., expected ...; do ..."; empty where it can
};

// How the runtime answered when it was asked for its devices.
enum class CudaAnswer { counted, no_device, old_driver, other };
// The reason, where no device was counted. words: CUDA's own, for other.
std::string reason_for_none(CudaAnswer answer, int driver, int runtime, const std::string& words);

// Compute capabilities that a build has machine code for: code for 8.6 runs on 8.6 and 8.9, not on 8.0 or 9.0.
struct Capability {
  int major = 0, minor = 0;
  bool runs_on(const CudaDeviceInfo& device) const { return major == device.major && minor <= device.minor; }
};
// "75 80 120", "75;80", "75-real,80-virtual" or "90a" as CMake and nvcc write them. What is no number is left out.
std::vector<Capability> capabilities_of(std::string_view architectures);

// What keeps a device from use: there is none at all, none of that index, or the build has no code for it. Empty: nothing.
std::string refusal(const CudaStatus& status, std::span<const Capability> built, int index);
// The same, thrown as UserError(environment).
void require_device(const CudaStatus& status, std::span<const Capability> built, int index);

// Memory, when it was asked for in vain.
UserError out_of_memory(int64_t asked, int64_t free, int64_t total);
// CUDA could not be used on a device that is there: taken by another program, broken memory, a watchdog.
UserError unusable(int index, const std::string& name, const std::string& words);

// Kernels that were started and are not known to be done, so that a failure which comes later has a name.
class StartedKernels {
 public:
  void add(const char* row);
  int64_t count() const { return count_; }  // of all that were ever started
  void done(int64_t first) { done_ = done_ < first ? first : done_; }  // the first so many of them
  void clear() { done(count_); }
  std::string text() const;  // "the last 8 of 120 kernels started since the host last waited ..."

 private:
  static constexpr int64_t kept = 8;
  const char* last_[kept] = {};
  int64_t count_ = 0, done_ = 0;
};
// The words of an InternalError: what failed is our kernel or our use of CUDA.
std::string failure_text(const std::string& doing, const std::string& words, const StartedKernels& started);

// Throws InternalError where a launch is beyond what every GPU takes: 2^31 - 1 by 65535 blocks, 1024 threads, 48 KiB shared.
void check_grid(const char* row, const Geometry& geometry);

}  // namespace kvdiff::device
