#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "cache_backends/dtype.h"
#include "harness/model/kernels/kernels.h"
#include "harness/parallel.h"

namespace kvdiff {

// A weight matrix [outputs, inputs] in the packed layout of kernels.h, owned.
class WeightMatrix {
 public:
  WeightMatrix() = default;
  // read_row(o, out): row o as floats that hold values of `stored`; called from several threads.
  using ReadRow = std::function<void(int64_t, std::span<float>)>;
  WeightMatrix(int64_t outputs, int64_t inputs, Dtype stored, const ReadRow& read_row, ThreadPool& pool);

  int64_t inputs() const { return packed_.inputs; }
  int64_t outputs() const { return packed_.outputs; }
  int64_t bytes() const { return static_cast<int64_t>(storage_.size()); }
  // y [rows, outputs] = x [rows, inputs] times the transpose, in the written order.
  void multiply(std::span<const float> x, int64_t rows, std::span<float> y, ThreadPool& pool) const;
  void row(int64_t output, std::span<float> out) const;  // out: [inputs]
  PackedMatrix packed() const;  // valid while this lives

 private:
  std::vector<std::byte> storage_;
  PackedMatrix packed_;
};

}  // namespace kvdiff
