#include <sys/mman.h>

#include <cstring>
#include <functional>
#include <map>
#include <mutex>

#include "cache_backends/device/device.h"
#include "cache_backends/device/launch_table.h"

namespace kvdiff::device {
namespace {

// Addresses, not memory: pages come as they are touched.
constexpr int64_t range_bytes = int64_t{1} << 36, alignment = 256;

// First fit in one range of addresses, neighbours joined when they are given back.
class Range {
 public:
  Range() {
    void* start = mmap(nullptr, range_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) throw UserError(ExitCode::environment, "the emulated device found no free range of addresses");
    start_ = static_cast<std::byte*>(start);
    free_[0] = range_bytes;
  }
  ~Range() { munmap(start_, range_bytes); }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

  void* take(int64_t bytes) {
    const int64_t wanted = (bytes + alignment - 1) / alignment * alignment;
    for (auto gap = free_.begin(); gap != free_.end(); ++gap) {
      const auto [at, size] = *gap;
      if (size < wanted) continue;
      free_.erase(gap);
      if (size > wanted) free_[at + wanted] = size - wanted;
      used_[at] = wanted;
      end_ = std::max(end_, at + wanted);
      return start_ + at;
    }
    throw UserError(ExitCode::environment, "the emulated device has no room left");
  }

  void give_back(void* memory) {
    const auto used = used_.find(static_cast<std::byte*>(memory) - start_);
    int64_t at = used->first, size = used->second;
    used_.erase(used);
    auto next = free_.lower_bound(at);
    if (next != free_.end() && next->first == at + size) {
      size += next->second;
      next = free_.erase(next);
    }
    if (next != free_.begin() && std::prev(next)->first + std::prev(next)->second == at) std::prev(next)->second += size;
    else free_[at] = size;
  }

  void open(bool readable) {
    constexpr int64_t page = 4096;
    if (end_ > 0) mprotect(start_, static_cast<size_t>((end_ + page - 1) / page * page), readable ? PROT_READ | PROT_WRITE : PROT_NONE);
  }

 private:
  std::byte* start_ = nullptr;
  int64_t end_ = 0;  // nothing was ever taken behind it
  std::map<int64_t, int64_t> free_, used_;
};

// What was there when it was asked for: it has come long since, but nobody is to know before it waits.
class KeptCopy final : public CopyOut {
 public:
  KeptCopy(std::vector<std::byte> bytes, std::function<void()> waited) : bytes_(std::move(bytes)), waited_(std::move(waited)) {}
  std::span<const std::byte> wait() override {
    waited_();
    return bytes_;
  }

 private:
  std::vector<std::byte> bytes_;
  std::function<void()> waited_;
};

class EmulatedDevice final : public Device {
 public:
  DeviceKind kind() const override { return DeviceKind::emulated; }
  std::string name() const override { return "emulated threads"; }

  void* allocate(int64_t bytes) override {
    const Access access(*this);
    void* memory = range_.take(bytes);
    range_.open(true);
    std::memset(memory, 0xff, static_cast<size_t>(bytes));  // NaN, so that nobody takes it for a number
    return memory;
  }
  void release(void* memory) noexcept override {
    const std::lock_guard lock(mutex_);
    range_.give_back(memory);
  }
  void copy_in(void* to, const void* from, int64_t bytes) override {
    const Access access(*this);
    log_.bytes_in += bytes;
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
  void copy_out(void* to, const void* from, int64_t bytes) override {
    const Access access(*this);
    log_.bytes_out += bytes;
    ++log_.copies_out;
    ++log_.waits;
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
  std::unique_ptr<CopyOut> start_copy_out(const void* from, int64_t bytes) override {
    const Access access(*this);
    log_.bytes_out += bytes;
    ++log_.copies_out;
    const auto* const first = static_cast<const std::byte*>(from);
    return std::make_unique<KeptCopy>(std::vector(first, first + bytes), [this, number = ++started_] { count_wait(number); });
  }
  void copy(void* to, const void* from, int64_t bytes) override {
    const Access access(*this);
    std::memmove(to, from, static_cast<size_t>(bytes));
  }
  void clear(void* memory, int64_t bytes) override {
    const Access access(*this);
    std::memset(memory, 0, static_cast<size_t>(bytes));
  }
  void launch(KernelId id, const Geometry& geometry, const void* arguments) override {
    const Access access(*this);
    ++log_.launches[static_cast<size_t>(id)];
    emulated_launch(id).run(emulator_, geometry, arguments);
  }
  LaunchLog log() const override {
    const std::lock_guard lock(mutex_);
    return log_;
  }

 private:
  // Alone, with the device's memory open.
  class Access {
   public:
    explicit Access(EmulatedDevice& device) : device_(device), lock_(device.mutex_) { device_.range_.open(true); }
    ~Access() { device_.range_.open(false); }

   private:
    EmulatedDevice& device_;
    const std::lock_guard<std::mutex> lock_;
  };

  void count_wait(int64_t number) {
    const std::lock_guard lock(mutex_);
    if (number <= waited_for_) return;
    waited_for_ = number;
    ++log_.waits;
  }

  mutable std::mutex mutex_;
  Range range_;
  Emulator emulator_;
  LaunchLog log_;
  int64_t started_ = 0, waited_for_ = 0;  // copies
};

}  // namespace

std::unique_ptr<Device> make_emulated_device() { return std::make_unique<EmulatedDevice>(); }

}  // namespace kvdiff::device
