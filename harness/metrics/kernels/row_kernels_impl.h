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
KVDIFF_ALWAYS_INLINE void last_block(const float* from, int64_t size, float fill, float* block) {
  for (int64_t i = 0; i < lanes; ++i) block[i] = i < size ? from[i] : fill;
}

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
struct SoftmaxAccumulators {
  Accumulator<width> reference_sum, candidate_sum, weighted;

  KVDIFF_ALWAYS_INLINE void add(const float* reference, const float* candidate, const double* max) {
    using Double = typename Vector<width>::Double;
    using Integer = typename Vector<width>::Integer;
    for (int j = 0; j < lanes / width; ++j) {
      Double r, c, reference_weight, candidate_weight;
      load<width>(reference + j * width, r);
      load<width>(candidate + j * width, c);
      r -= max[0];
      c -= max[1];
      portable::exponential<Double, Integer>(r, reference_weight);
      portable::exponential<Double, Integer>(c, candidate_weight);
      reference_sum.part[j] += reference_weight;
      candidate_sum.part[j] += candidate_weight;
      weighted.part[j] += reference_weight * (r - c);
    }
  }
};

template <int width>
SoftmaxSums softmax_sums(const SoftmaxPair& pair) {
  SoftmaxAccumulators<width> sums;
  const double max[2] = {pair.reference_max, pair.candidate_max};
  const int64_t whole = pair.size / lanes * lanes;
  for (int64_t i = 0; i < whole; i += lanes) sums.add(pair.reference + i, pair.candidate + i, max);
  if (whole < pair.size) {
    const float nothing = -__FLT_MAX__;  // its weight is exactly 0
    float r[lanes], c[lanes];
    last_block(pair.reference + whole, pair.size - whole, nothing, r);
    last_block(pair.candidate + whole, pair.size - whole, nothing, c);
    sums.add(r, c, max);
  }
  return {sums.reference_sum.joined(), sums.candidate_sum.joined(), sums.weighted.joined()};
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
