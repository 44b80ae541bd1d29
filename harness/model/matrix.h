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
class Matrix {
 public:
  Matrix() = default;
  // read_row(o, out): row o of the checkpoint as floats. `stored`: the narrowest type that holds every value exactly.
  Matrix(int64_t outputs, int64_t inputs, Dtype stored, const std::function<void(int64_t, std::span<float>)>& read_row);

  int64_t inputs() const { return packed_.inputs; }
  int64_t outputs() const { return packed_.outputs; }
  int64_t bytes() const { return static_cast<int64_t>(storage_.size()); }
  // y [rows, outputs] = x [rows, inputs] times the transpose, in the written order, then + bias if there is one.
  void multiply(std::span<const float> x, int64_t rows, std::span<float> y, ThreadPool& pool) const;
  void row(int64_t output, std::span<float> out) const;  // out: [inputs]

 private:
  std::vector<std::byte> storage_;
  PackedMatrix packed_;
};

}  // namespace kvdiff
