#include "harness/commands/machine.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <thread>

namespace kvdiff {
namespace {

int64_t meminfo(std::string_view name) {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  for (int64_t kibibytes = 0; file >> key >> kibibytes && std::getline(file, unit);) {
    if (key == name) return kibibytes * 1024;
  }
  return -1;
}

// A number in a file of the container's control group; -1 without one, or without a limit ("max").
int64_t control_group(const char* name) {
  std::ifstream file(std::string("/sys/fs/cgroup/") + name);
  int64_t bytes = -1;
  return file >> bytes ? bytes : -1;
}

}  // namespace

int64_t available_memory() {
  const int64_t available = meminfo("MemAvailable:");
  const int64_t limit = control_group("memory.max"), used = control_group("memory.current");
  if (limit < 0 || used < 0) return available;
  const int64_t left = std::max<int64_t>(limit - used, 0);
  return available < 0 ? left : std::min(available, left);
}

int64_t total_memory() { return meminfo("MemTotal:"); }

int hardware_threads() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::string bytes_text(int64_t bytes) {
  constexpr double mebi = 1024.0 * 1024.0;
  const auto size = static_cast<double>(bytes);
  if (size >= 1024 * mebi) return fmt::format("{:.1f} GiB", size / (1024 * mebi));
  if (size >= mebi) return fmt::format("{:.0f} MiB", size / mebi);
  return fmt::format("{:.0f} KiB", size / 1024);
}

}  // namespace kvdiff
