#include "harness/parallel.h"

namespace kvdiff {
namespace {

// A decode step has hundreds of short parallel regions; sleeping between them would cost more than they do.
constexpr int spins_before_sleep = 4000;

inline void pause_briefly() { __builtin_ia32_pause(); }

}  // namespace

ThreadPool::ThreadPool(int threads) {
  for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { work(worker); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    ++round_;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::take_tasks(int worker) {
  try {
    for (int64_t index = next_++; index < count_; index = next_++) (*task_)(index, worker);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
    next_ = count_;
  }
}

void ThreadPool::run(int64_t count, const std::function<void(int64_t, int)>& task) {
  if (workers_.empty() || count <= 1) {
    for (int64_t index = 0; index < count; ++index) task(index, 0);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    task_ = &task;
    count_ = count;
    next_ = 0;
    busy_ = static_cast<int>(workers_.size());
    error_ = nullptr;
    ++round_;
  }
  wake_.notify_all();
  take_tasks(0);
  for (int spin = 0; busy_ > 0; ++spin) spin < spins_before_sleep ? pause_briefly() : std::this_thread::yield();
  if (error_) std::rethrow_exception(error_);
}

void ThreadPool::work(int worker) {
  for (uint64_t seen = 0;;) {
    for (int spin = 0; round_ == seen && spin < spins_before_sleep; ++spin) pause_briefly();
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return round_ != seen; });
      seen = round_;
    }
    if (stop_) return;
    take_tasks(worker);
    --busy_;
  }
}

}  // namespace kvdiff
