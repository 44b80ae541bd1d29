// The reference: the definitions of kernels.h, read aloud. Never optimised. Included by two files that differ only in
// their compiler flags; KVDIFF_SCALAR_TABLE names the table.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "harness/model/kernels/kernels.h"

namespace kvdiff {
namespace {

float fma(float a, float b, float c) { return std::fma(a, b, c); }
float nearest(float x) { return std::nearbyint(x); }
float clamp_to(float x, float low, float high) {
  const float raised = x > low ? x : low;
  return raised < high ? raised : high;
}
float power_of_two(int n) { return std::bit_cast<float>(static_cast<uint32_t>(n + 127) << 23); }
float scale_by_power(float p, float n) {
  const int whole = static_cast<int>(n), half = whole >> 1;
  return (p * power_of_two(half)) * power_of_two(whole - half);
}
float keep_nan(float x, float y) { return x != x ? std::numeric_limits<float>::quiet_NaN() : y; }

}  // namespace
}  // namespace kvdiff

#include "cache_backends/kernels/exponential.h"

namespace kvdiff {
namespace {

float weight(const PackedMatrix& w, int64_t index) {
  if (w.stored == Dtype::float32) return static_cast<const float*>(w.data)[index];
  const uint16_t bits = static_cast<const uint16_t*>(w.data)[index];
  return w.stored == Dtype::float16 ? from_float16_bits(bits) : from_bfloat16_bits(bits);
}

template <class Term>  // Term: (sum, k) -> sum with term k
float reduce(int64_t count, Term term) {
  float total = 0;
  for (int64_t begin = 0; begin < count; begin += reduction_chunk) {
    float sum = 0;
    for (int64_t k = begin; k < std::min(count, begin + reduction_chunk); ++k) sum = term(sum, k);
    total = begin == 0 ? sum : total + sum;
  }
  return total;
}

void linear(const PackedMatrix& w, const float* x, int64_t rows, int64_t first, int64_t last, float* y) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t o = first * 16; o < std::min(last * 16, w.outputs); ++o)
      y[row * w.outputs + o] = reduce(w.inputs, [&](float sum, int64_t k) {
        return fma(x[row * w.inputs + k], weight(w, ((o / 16) * w.inputs + k) * 16 + o % 16), sum);
      });
}

void round(Dtype dtype, float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) values[i] = round_to(dtype, values[i]);
}

float sum(const float* values, int64_t count) {
  return reduce(count, [&](float total, int64_t k) { return total + values[k]; });
}

float sum_of_squares(const float* values, int64_t count) {
  return reduce(count, [&](float total, int64_t k) { return fma(values[k], values[k], total); });
}

float largest(const float* values, int64_t count) {
  float best = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < count; ++i) {
    if (values[i] != values[i]) return std::numeric_limits<float>::quiet_NaN();
    best = std::max(best, values[i]);
  }
  return best;
}

void exp_minus(float* values, int64_t count, float shift) {
  for (int64_t i = 0; i < count; ++i) values[i] = exponential(values[i] - shift);
}

void divide(float* values, int64_t count, float divisor) {
  for (int64_t i = 0; i < count; ++i) values[i] /= divisor;
}

void silu_multiply(Dtype dtype, float* gate, const float* up, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float activated = round_to(dtype, gate[i] / (1.0f + exponential(-gate[i])));
    gate[i] = round_to(dtype, activated * up[i]);
  }
}

void scores(const float* query, int64_t queries, const float* key, int64_t count, int64_t head_size, float scale,
            float* out, int64_t stride) {
  for (int64_t q = 0; q < queries; ++q)
    for (int64_t t = 0; t < count; ++t)
      out[q * stride + t] = scale * reduce(head_size, [&](float total, int64_t d) {
        return fma(query[q * head_size + d], key[t * head_size + d], total);
      });
}

void weigh(const float* probability, int64_t queries, int64_t stride, const float* value, int64_t count,
           int64_t head_size, float* total) {
  for (int64_t q = 0; q < queries; ++q)
    for (int64_t d = 0; d < head_size; ++d)
      for (int64_t t = 0; t < count; ++t)
        total[q * head_size + d] =
            fma(probability[q * stride + t], value[t * head_size + d], total[q * head_size + d]);
}

}  // namespace

const Kernels KVDIFF_SCALAR_TABLE = {linear, round, sum, sum_of_squares, largest, exp_minus, divide,
                                     silu_multiply, scores, weigh};

}  // namespace kvdiff
