#pragma once
#include <cstdint>

#include "harness/metrics/kernels/row_kernels.h"
#include "harness/metrics/portable_math.h"

// One source, compiled once per vector width (2 or 4 doubles). Everything is inlined into functions of this file's own:
// an inline function shared with other translation units could be linked in compiled for a machine that is not there.
namespace kvdiff {
namespace {

constexpr int lanes = 8;  // of the written order

template <int width>
struct Vector;
template <>
struct Vector<2> {
  typedef double Double __attribute__((vector_size(16)));
  typedef int64_t Integer __attribute__((vector_size(16)));
  typedef float Float __attribute__((vector_size(8)));
};
template <>
struct Vector<4> {
  typedef double Double __attribute__((vector_size(32)));
  typedef int64_t Integer __attribute__((vector_size(32)));
  typedef float Float __attribute__((vector_size(16)));
};

template <int width>
KVDIFF_ALWAYS_INLINE void load(const float* from, typename Vector<width>::Double& to) {
  typename Vector<width>::Float values;
  __builtin_memcpy(&values, from, sizeof values);
  to = __builtin_convertvector(values, typename Vector<width>::Double);
}

template <int width>
struct Accumulator {
  using Double = typename Vector<width>::Double;
  Double part[lanes / width] = {};

  KVDIFF_ALWAYS_INLINE double joined() const {
    double a[lanes];
    __builtin_memcpy(a, part, sizeof a);
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
  }
  KVDIFF_ALWAYS_INLINE double largest() const {
    double a[lanes], best = 0;
    __builtin_memcpy(a, part, sizeof a);
    for (double one : a) best = one > best ? one : best;
    return best;
  }
};

template <int width>
struct PairAccumulators {
  Accumulator<width> rr, cc, rc, dd, ad, flips, max;

  KVDIFF_ALWAYS_INLINE void add(const float* reference, const float* candidate) {
    using Double = typename Vector<width>::Double;
#pragma GCC unroll 4
    for (int j = 0; j < lanes / width; ++j) {
      Double r, c;
      load<width>(reference + j * width, r);
      load<width>(candidate + j * width, c);
      const Double zero = {}, one = zero + 1.0;
      const Double difference = r - c, product = r * c;
      const Double magnitude = difference < zero ? -difference : difference;
      rr.part[j] += r * r;
      cc.part[j] += c * c;
      rc.part[j] += product;
      dd.part[j] += difference * difference;
      ad.part[j] += magnitude;
      flips.part[j] += product < zero ? one : zero;
      max.part[j] = magnitude > max.part[j] ? magnitude : max.part[j];
    }
  }
};

// The block that is not full, filled up with fill.
template <class Value>
KVDIFF_ALWAYS_INLINE void last_block(const Value* from, int64_t size, Value fill, Value* block) {
  for (int64_t i = 0; i < lanes; ++i) block[i] = i < size ? from[i] : fill;
}

constexpr float no_weight = -__FLT_MAX__;  // as a logit: exp of its distance to any max is exactly 0

template <int width>
PairSums pair_sums(const float* reference, const float* candidate, int64_t size) {
  PairAccumulators<width> sums;
  const int64_t whole = size / lanes * lanes;
  for (int64_t i = 0; i < whole; i += lanes) sums.add(reference + i, candidate + i);
  if (whole < size) {
    float r[lanes], c[lanes];
    last_block(reference + whole, size - whole, 0.0f, r);
    last_block(candidate + whole, size - whole, 0.0f, c);
    sums.add(r, c);
  }
  return {sums.rr.joined(), sums.cc.joined(),    sums.rc.joined(),  sums.dd.joined(),
          sums.ad.joined(), sums.flips.joined(), sums.max.largest()};
}

template <int width>
KVDIFF_ALWAYS_INLINE void add_weights(const float* values, float max, double* weights, Accumulator<width>& sum) {
  using Double = typename Vector<width>::Double;
#pragma GCC unroll 4
  for (int j = 0; j < lanes / width; ++j) {
    Double value, weight;
    load<width>(values + j * width, value);
    value -= static_cast<double>(max);
    portable::exponential_of_nonpositive<Double, typename Vector<width>::Integer>(value, weight);
    __builtin_memcpy(weights + j * width, &weight, sizeof weight);
    sum.part[j] += weight;
  }
}

template <int width>
double softmax_weights(const float* values, int64_t size, float max, double* weights) {
  Accumulator<width> sum;
  const int64_t whole = size / lanes * lanes;
  for (int64_t i = 0; i < whole; i += lanes) add_weights<width>(values + i, max, weights + i, sum);
  if (whole < size) {
    float block[lanes];
    double block_weights[lanes];
    last_block(values + whole, size - whole, no_weight, block);
    add_weights<width>(block, max, block_weights, sum);
    for (int64_t i = whole; i < size; ++i) weights[i] = block_weights[i - whole];
  }
  return sum.joined();
}

template <int width>
struct SoftmaxAccumulators {
  Accumulator<width> candidate_sum, weighted;

  KVDIFF_ALWAYS_INLINE void add(const SoftmaxPair& block) {
    using Double = typename Vector<width>::Double;
#pragma GCC unroll 4
    for (int j = 0; j < lanes / width; ++j) {
      Double r, c, reference_weight, candidate_weight;
      load<width>(block.reference + j * width, r);
      load<width>(block.candidate + j * width, c);
      __builtin_memcpy(&reference_weight, block.reference_weights + j * width, sizeof reference_weight);
      r -= static_cast<double>(block.reference_max);
      c -= static_cast<double>(block.candidate_max);
      portable::exponential_of_nonpositive<Double, typename Vector<width>::Integer>(c, candidate_weight);
      candidate_sum.part[j] += candidate_weight;
      weighted.part[j] += reference_weight * (r - c);
    }
  }
};

template <int width>
SoftmaxSums softmax_sums(const SoftmaxPair& pair) {
  SoftmaxAccumulators<width> sums;
  const int64_t whole = pair.size / lanes * lanes, rest = pair.size - whole;
  for (int64_t i = 0; i < whole; i += lanes)
    sums.add({pair.reference_weights + i, pair.reference + i, pair.candidate + i, lanes, pair.reference_max,
              pair.candidate_max});
  if (rest > 0) {
    float r[lanes], c[lanes];
    double weights[lanes];
    last_block(pair.reference + whole, rest, no_weight, r);
    last_block(pair.candidate + whole, rest, no_weight, c);
    last_block(pair.reference_weights + whole, rest, 0.0, weights);
    sums.add({weights, r, c, lanes, pair.reference_max, pair.candidate_max});
  }
  return {sums.candidate_sum.joined(), sums.weighted.joined()};
}

float largest(const float* values, int64_t size) {
  float best[lanes];
  for (float& one : best) one = -__builtin_inff();
  const int64_t whole = size / lanes * lanes;
  for (int64_t i = 0; i < whole; i += lanes)
    for (int j = 0; j < lanes; ++j) best[j] = values[i + j] > best[j] ? values[i + j] : best[j];
  for (int64_t i = whole; i < size; ++i) best[0] = values[i] > best[0] ? values[i] : best[0];
  for (int j = 1; j < lanes; ++j) best[0] = best[j] > best[0] ? best[j] : best[0];
  return best[0];
}

}  // namespace
}  // namespace kvdiff
