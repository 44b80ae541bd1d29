#pragma once
#include <memory>
#include <span>
#include <vector>

#include "cache_backends/device/device.h"
#include "cache_backends/side_memory.h"
#include "harness/model/attention.h"
#include "harness/model/matrix.h"
#include "harness/parallel.h"

namespace kvdiff {

// Floats in the memory of a Compute: on a device, nothing that the host may follow.
struct Values {
  Floats data;
  int64_t size = 0, room = 0;
  std::span<float> span() const { return {data.get(), static_cast<size_t>(size)}; }
};

// A weight matrix where a Compute wants it.
class Weight {
 public:
  virtual ~Weight() = default;
  virtual int64_t inputs() const = 0;
  virtual int64_t outputs() const = 0;
  virtual int64_t bytes() const = 0;
};

// Consecutive rows of one sequence: query, out [rows, heads, head_size]; row r sees the tokens before first_visible + r.
struct QueryRows {
  const KvPages* pages = nullptr;
  const float* query = nullptr;
  int64_t rows = 1, first_visible = 0;
  float* out = nullptr;
};

// Scaled scores and probabilities of one row, [heads, tokens]: what the observers see.
struct AttentionMap {
  Values logits, probs;
  int64_t tokens = 0;
};

// The arithmetic of a model and of a run, and the memory that it works in: the host's threads, or a device. Both give the same
// bits (harness/model/kernels/kernels.h says in which order). All spans lie in memory().
class Compute {
 public:
  virtual ~Compute() = default;
  virtual const SideMemory& memory() const = 0;
  virtual device::Device* device() const { return nullptr; }  // none: the host

  // ---- memory
  void resize(Values& values, int64_t count) const;  // what it held may be lost
  virtual void set(Values& values, std::span<const float> from) const = 0;  // from the host's memory
  virtual void copy(Values& values, std::span<const float> from) const = 0;
  virtual std::vector<float> read(std::span<const float> values) const = 0;
  virtual bool same_bits(std::span<const float> left, std::span<const float> right) const = 0;

  // ---- layers; values [rows, width], rounded to the dtype as the peer's modules round
  virtual std::unique_ptr<Weight> keep(WeightMatrix matrix) const = 0;
  virtual void embed(const Weight& weight, std::span<const int32_t> tokens, std::span<float> out) const = 0;
  // bias: empty where there is none
  virtual void linear(const Weight& weight, const Values& bias, std::span<const float> x, Dtype dtype, std::span<float> y) const = 0;
  // x / sqrt(mean(x^2) + epsilon), rounded, times the weight, rounded
  virtual void normalize(std::span<const float> x, const Values& weight, float epsilon, Dtype dtype, std::span<float> y) const = 0;
  // angles [rows, head_size]: rotary.h
  virtual void rotate(std::span<float> rows, const Values& angles, int64_t head_size, Dtype dtype) const = 0;
  virtual void silu_multiply(Dtype dtype, std::span<float> gate, std::span<const float> up) const = 0;
  virtual void add(Dtype dtype, std::span<float> total, std::span<const float> added) const = 0;
  virtual void take_rows(std::span<const float> from, std::span<const int64_t> rows, int64_t width, std::span<float> out) const = 0;

  // ---- caches
  // [n, H, D] -> [H, n, D]
  virtual void by_head(std::span<const float> rows, const CacheShape& shape, int64_t tokens, std::span<float> out) const = 0;
  // One row over everything in the pages, and its maps; out [heads, head_size]. Called from several threads: `worker` says which.
  virtual void attend_one(const AttentionShape& shape, const KvPages& pages, const float* query, AttentionMap& map, float* out,
                          int worker) const = 0;
  // Bit-equal to attend_one row by row.
  virtual void attend_rows(const AttentionShape& shape, std::span<const QueryRows> jobs) const = 0;
  // Tokens [first, first + count) of all heads, as attention finds them but rotated back: [H, count, D].
  virtual Values read_back(const KvPages& pages, Side side, const AttentionShape& shape, int64_t first, int64_t count) const = 0;
};

std::unique_ptr<Compute> make_host_compute(ThreadPool& pool);
std::unique_ptr<Compute> make_device_compute(device::Device& device);  // which must outlive it

}  // namespace kvdiff
