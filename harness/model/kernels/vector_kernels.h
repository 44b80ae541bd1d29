// The fast kernels, written once over Vector (sixteen floats). The including file has defined Vector and names the
// table by KVDIFF_VECTOR_TABLE. Sixteen outputs stand side by side, so each keeps the scalar order of its own terms.
#include <algorithm>

#include "cache_backends/kernels/exponential.h"
#include "harness/model/kernels/kernels.h"

namespace kvdiff {
namespace {

struct Float32Weights {
  using Element = float;
  static Vector at(const float* p) { return load(p); }
};
struct Float16Weights {
  using Element = uint16_t;
  static Vector at(const uint16_t* p) { return load_float16(p); }
};
struct Bfloat16Weights {
  using Element = uint16_t;
  static Vector at(const uint16_t* p) { return load_bfloat16(p); }
};

inline void add_or_set(float* y, Vector sum, bool first, int64_t count) {
  float values[16];
  store(values, sum);
  for (int64_t i = 0; i < count; ++i) y[i] = first ? values[i] : y[i] + values[i];
}

template <class Weights, int Rows>
inline void linear_tile(const typename Weights::Element* w, const float* x, int64_t x_stride, int64_t terms,
                        Vector (&sum)[Rows]) {
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) sum[r] = Vector(0.0f);
  for (int64_t k = 0; k < terms; ++k) {
    const Vector weight = Weights::at(w + 16 * k);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) sum[r] = fma(Vector(x[r * x_stride + k]), weight, sum[r]);
  }
}

// One chunk of terms of one block of sixteen outputs, for a run of rows.
template <class Weights>
struct LinearChunk {
  const typename Weights::Element* w;
  const float* x;
  float* y;
  int64_t inputs, outputs, terms, width;
  bool first;

  template <int Rows>
  void run(int64_t row) const {
    Vector sum[Rows];
    linear_tile<Weights, Rows>(w, x + row * inputs, inputs, terms, sum);
    for (int r = 0; r < Rows; ++r) {
      float* out = y + (row + r) * outputs;
      if (width == 16) store(out, first ? sum[r] : load(out) + sum[r]);
      else add_or_set(out, sum[r], first, width);
    }
  }
  void run_rest(int64_t row, int64_t rows) const {
    switch (rows) {
      case 0: return;
      case 1: return run<1>(row);
      case 2: return run<2>(row);
      case 3: return run<3>(row);
      case 4: return run<4>(row);
      default: return run<5>(row), run_rest(row + 5, rows - 5);
    }
  }
};

template <class Weights>
void linear_blocks(const PackedMatrix& w, const float* x, int64_t rows, int64_t first, int64_t last, float* y) {
  const auto* data = static_cast<const typename Weights::Element*>(w.data);
  for (int64_t block = first; block < last; ++block)
    for (int64_t k = 0; k < w.inputs; k += reduction_chunk) {
      const LinearChunk<Weights> chunk{data + (block * w.inputs + k) * 16, x + k, y + block * 16, w.inputs, w.outputs,
                                       std::min(reduction_chunk, w.inputs - k),
                                       std::min<int64_t>(16, w.outputs - block * 16), k == 0};
      int64_t row = 0;
      for (; row + Vector::tile_rows <= rows; row += Vector::tile_rows) chunk.template run<Vector::tile_rows>(row);
      chunk.run_rest(row, rows - row);
    }
}

void linear(const PackedMatrix& w, const float* x, int64_t rows, int64_t first, int64_t last, float* y) {
  if (w.stored == Dtype::float16) return linear_blocks<Float16Weights>(w, x, rows, first, last, y);
  if (w.stored == Dtype::bfloat16) return linear_blocks<Bfloat16Weights>(w, x, rows, first, last, y);
  linear_blocks<Float32Weights>(w, x, rows, first, last, y);
}

template <class Operation>  // Vector -> Vector, element by element
inline void each(float* values, int64_t count, Operation operation) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) store(values + i, operation(load(values + i)));
  if (i == count) return;
  float rest[16] = {};
  std::copy(values + i, values + count, rest);
  store(rest, operation(load(rest)));
  std::copy(rest, rest + (count - i), values + i);
}

inline Vector rounded(Dtype dtype, Vector x) {
  if (dtype == Dtype::float32) return x;
  return dtype == Dtype::float16 ? round_float16(x) : round_bfloat16(x);
}

void round(Dtype dtype, float* values, int64_t count) {
  if (dtype != Dtype::float32) each(values, count, [&](Vector x) { return rounded(dtype, x); });
}

// Chunks are independent chains: four run side by side to hide the latency of the additions, none changes its order.
template <class Term>
inline float reduce(int64_t count, Term term) {
  float total = 0;
  for (int64_t begin = 0; begin < count; begin += 4 * reduction_chunk) {
    float sum[4] = {};
    const int64_t chunks = std::min<int64_t>(4, (count - begin + reduction_chunk - 1) / reduction_chunk);
    const int64_t whole = std::min(reduction_chunk, count - begin - (chunks - 1) * reduction_chunk);
    for (int64_t k = 0; k < whole; ++k)
      for (int64_t c = 0; c < chunks; ++c) sum[c] = term(sum[c], begin + c * reduction_chunk + k);
    for (int64_t c = 0; c + 1 < chunks; ++c)
      for (int64_t k = whole; k < reduction_chunk; ++k) sum[c] = term(sum[c], begin + c * reduction_chunk + k);
    for (int64_t c = 0; c < chunks; ++c) total = begin == 0 && c == 0 ? sum[0] : total + sum[c];
  }
  return total;
}

float sum(const float* values, int64_t count) {
  return reduce(count, [&](float total, int64_t k) { return total + values[k]; });
}

float sum_of_squares(const float* values, int64_t count) {
  return reduce(count, [&](float total, int64_t k) { return __builtin_fmaf(values[k], values[k], total); });
}

float largest(const float* values, int64_t count) {
  Vector best(-std::numeric_limits<float>::infinity());
  bool nan = false;
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const Vector x = load(values + i);
    nan |= any_nan(x);
    best = maximum(best, x);
  }
  float lanes[16];
  store(lanes, best);
  float result = *std::max_element(lanes, lanes + 16);
  for (; i < count; ++i) {
    nan |= values[i] != values[i];
    result = std::max(result, values[i]);
  }
  return nan ? std::numeric_limits<float>::quiet_NaN() : result;
}

void exp_minus(float* values, int64_t count, float shift) {
  each(values, count, [=](Vector x) { return exponential(x - Vector(shift)); });
}

void divide(float* values, int64_t count, float divisor) {
  each(values, count, [=](Vector x) { return x / Vector(divisor); });
}

void silu_multiply(Dtype dtype, float* gate, const float* up, int64_t count) {
  float padded[16] = {};
  int64_t i = 0;
  each(gate, count, [&](Vector x) {
    const bool whole = i + 16 <= count;
    if (!whole) std::copy(up + i, up + count, padded);
    const Vector other = load(whole ? up + i : padded);
    i += 16;
    const Vector activated = rounded(dtype, x / (Vector(1.0f) + exponential(negative(x))));
    return rounded(dtype, activated * other);
  });
}

// Sixteen keys side by side: [count, head_size] -> [head_size][16], missing keys are zero.
inline void transpose_keys(const float* key, int64_t count, int64_t head_size, float* columns) {
  int64_t d = 0;
  if (count == 16)
    for (; d + 8 <= head_size; d += 8) {
      transpose8(key + d, head_size, columns + 16 * d);
      transpose8(key + 8 * head_size + d, head_size, columns + 16 * d + 8);
    }
  for (; d < head_size; ++d)
    for (int64_t t = 0; t < 16; ++t) columns[16 * d + t] = t < count ? key[t * head_size + d] : 0.0f;
}

template <int Queries>
inline void score_tile(const float* query, const float* columns, int64_t head_size, Vector (&total)[Queries]) {
  for (int64_t begin = 0; begin < head_size; begin += reduction_chunk) {
    Vector sum[Queries];
    linear_tile<Float32Weights, Queries>(columns + 16 * begin, query + begin, head_size,
                                         std::min(reduction_chunk, head_size - begin), sum);
    for (int q = 0; q < Queries; ++q) total[q] = begin == 0 ? sum[q] : total[q] + sum[q];
  }
}

struct ScoreTile {
  const float* columns;
  int64_t head_size, count, stride;
  float scale;

  template <int Queries>
  void run(const float* query, float* out) const {
    Vector total[Queries];
    std::fill(total, total + Queries, Vector(0.0f));
    score_tile<Queries>(query, columns, head_size, total);
    for (int q = 0; q < Queries; ++q) {
      float lanes[16];
      store(lanes, Vector(scale) * total[q]);
      std::copy(lanes, lanes + count, out + q * stride);
    }
  }
};

void scores(const float* query, int64_t queries, const float* key, int64_t count, int64_t head_size, float scale,
            float* out, int64_t stride) {
  constexpr int64_t largest_head = 1024;
  if (head_size > largest_head) return scalar_fma_kernels.scores(query, queries, key, count, head_size, scale, out, stride);
  alignas(64) float columns[16 * largest_head];
  for (int64_t t = 0; t < count; t += 16) {
    const ScoreTile tile{columns, head_size, std::min<int64_t>(16, count - t), stride, scale};
    transpose_keys(key + t * head_size, tile.count, head_size, columns);
    int64_t q = 0;
    for (; q + 6 <= queries; q += 6) tile.run<6>(query + q * head_size, out + q * stride + t);
    for (; q + 3 <= queries; q += 3) tile.run<3>(query + q * head_size, out + q * stride + t);
    for (; q < queries; ++q) tile.run<1>(query + q * head_size, out + q * stride + t);
  }
}

template <int Width>  // Width x 16 channels of one query
inline void weigh_channels(const float* probability, const float* value, int64_t count, int64_t head_size, float* out) {
  Vector sum[Width];
#pragma GCC unroll 8
  for (int w = 0; w < Width; ++w) sum[w] = load(out + 16 * w);
  for (int64_t t = 0; t < count; ++t) {
    const Vector p(probability[t]);
#pragma GCC unroll 8
    for (int w = 0; w < Width; ++w) sum[w] = fma(p, load(value + t * head_size + 16 * w), sum[w]);
  }
#pragma GCC unroll 8
  for (int w = 0; w < Width; ++w) store(out + 16 * w, sum[w]);
}

inline void weigh_rest(const float* probability, const float* value, int64_t count, int64_t head_size, float* out,
                       int64_t channels) {
  for (int64_t d = 0; d < channels; ++d)
    for (int64_t t = 0; t < count; ++t) out[d] = __builtin_fmaf(probability[t], value[t * head_size + d], out[d]);
}

void weigh(const float* probability, int64_t queries, int64_t stride, const float* value, int64_t count,
           int64_t head_size, float* total) {
  for (int64_t q = 0; q < queries; ++q) {
    const float* p = probability + q * stride;
    float* out = total + q * head_size;
    int64_t d = 0;
    for (; d + 64 <= head_size; d += 64) weigh_channels<4>(p, value + d, count, head_size, out + d);
    for (; d + 16 <= head_size; d += 16) weigh_channels<1>(p, value + d, count, head_size, out + d);
    weigh_rest(p, value + d, count, head_size, out + d, head_size - d);
  }
}

}  // namespace

const Kernels KVDIFF_VECTOR_TABLE = {linear, round, sum, sum_of_squares, largest, exp_minus, divide,
                                     silu_multiply, scores, weigh};

}  // namespace kvdiff
