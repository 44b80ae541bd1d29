#pragma once
#include <cstddef>
#include <cstdint>

#include "cache_backends/dtype.h"
#include "cache_backends/kernels/simd.h"

namespace kvdiff {

// The written order of every reduction: fused multiply-adds (or additions) in float32 over ascending k, in chunks of
// this many terms; each chunk starts from +0, and the chunks' sums are added in ascending order to the first one.
// No kernel may depend on the number of rows, on threads or on register width.
constexpr int64_t reduction_chunk = 256;

// A weight matrix repacked at load into [ceil(outputs / 16)][inputs][16], in its stored type; missing outputs are zero.
struct PackedMatrix {
  const void* data = nullptr;
  Dtype stored = Dtype::float16;
  int64_t inputs = 0, outputs = 0;
  int64_t blocks() const { return (outputs + 15) / 16; }
};

// One implementation per SIMD level, all with the same bits; `scalar` is the plain reading of the definition.
struct Kernels {
  // y[row][o] = sum over k of x[row][k] * w[o][k], for outputs of blocks [first, last). y: [rows, outputs].
  void (*linear)(const PackedMatrix& w, const float* x, int64_t rows, int64_t first, int64_t last, float* y);
  // In place: the nearest value of the type, ties to even, NaN canonical.
  void (*round)(Dtype dtype, float* values, int64_t count);
  float (*sum)(const float* values, int64_t count);             // the written order
  float (*sum_of_squares)(const float* values, int64_t count);  // the written order, fma(x, x, sum)
  float (*largest)(const float* values, int64_t count);         // NaN when any is NaN; -inf when empty
  void (*exp_minus)(float* values, int64_t count, float shift);  // exp(x - shift)
  void (*divide)(float* values, int64_t count, float divisor);
  // gate = round(round(silu(gate)) * up), silu(x) = x / (1 + exp(-x)), each in the compute type as the peer's modules
  void (*silu_multiply)(Dtype dtype, float* gate, const float* up, int64_t count);
  // scores[q][t] = scale * sum over d of query[q][d] * key[t][d]; key: [count, head_size], scores: rows of `stride`
  void (*scores)(const float* query, int64_t queries, const float* key, int64_t count, int64_t head_size, float scale,
                 float* scores, int64_t stride);
  // sum[q][d] = fma(probability[q][t], value[t][d], sum[q][d]) over ascending t; value: [count, head_size]
  void (*weigh)(const float* probability, int64_t queries, int64_t stride, const float* value, int64_t count,
                int64_t head_size, float* sum);
};

const Kernels& kernels(Simd simd);
inline const Kernels& kernels() { return kernels(active_simd()); }

extern const Kernels scalar_kernels;      // built for plain x86-64: std::fma is a library call
extern const Kernels scalar_fma_kernels;  // the same source built with -mfma; a test holds both to the same bits
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;

}  // namespace kvdiff
