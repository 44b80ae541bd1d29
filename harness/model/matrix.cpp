#include "harness/model/matrix.h"

#include <algorithm>
#include <cstring>

namespace kvdiff {
namespace {

constexpr int64_t blocks_per_task = 4;

void put(std::byte* storage, Dtype stored, int64_t index, float value) {
  if (stored == Dtype::float32) {
    std::memcpy(storage + 4 * index, &value, 4);
    return;
  }
  const uint16_t bits = stored == Dtype::float16 ? float16_bits(value) : bfloat16_bits(value);
  std::memcpy(storage + 2 * index, &bits, 2);
}

float get(const std::byte* storage, Dtype stored, int64_t index) {
  if (stored == Dtype::float32) {
    float value;
    std::memcpy(&value, storage + 4 * index, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, storage + 2 * index, 2);
  return stored == Dtype::float16 ? from_float16_bits(bits) : from_bfloat16_bits(bits);
}

}  // namespace

WeightMatrix::WeightMatrix(int64_t outputs, int64_t inputs, Dtype stored, const ReadRow& read_row, ThreadPool& pool) {
  packed_ = {nullptr, stored, inputs, outputs};
  storage_.resize(static_cast<size_t>(packed_.blocks() * 16 * inputs) * size_of(stored));
  pool.run(packed_.blocks(), [&](int64_t block, int) {
    std::vector<float> row(static_cast<size_t>(inputs));
    for (int64_t lane = 0; lane < 16 && block * 16 + lane < outputs; ++lane) {
      read_row(block * 16 + lane, row);
      for (int64_t k = 0; k < inputs; ++k)
        put(storage_.data(), stored, (block * inputs + k) * 16 + lane, row[static_cast<size_t>(k)]);
    }
  });
}

PackedMatrix WeightMatrix::packed() const {
  PackedMatrix matrix = packed_;
  matrix.data = storage_.data();
  return matrix;
}

void WeightMatrix::multiply(std::span<const float> x, int64_t rows, std::span<float> y, ThreadPool& pool) const {
  const PackedMatrix matrix = packed();
  const Kernels& kernel = kernels();
  const int64_t tasks = (matrix.blocks() + blocks_per_task - 1) / blocks_per_task;
  pool.run(tasks, [&](int64_t task, int) {
    const int64_t first = task * blocks_per_task;
    kernel.linear(matrix, x.data(), rows, first, std::min(matrix.blocks(), first + blocks_per_task), y.data());
  });
}

void WeightMatrix::row(int64_t output, std::span<float> out) const {
  for (int64_t k = 0; k < inputs(); ++k)
    out[static_cast<size_t>(k)] =
        get(storage_.data(), packed_.stored, ((output / 16) * inputs() + k) * 16 + output % 16);
}

}  // namespace kvdiff
