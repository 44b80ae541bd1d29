#pragma once
#include "cache_backends/device/kernels/number.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

struct StoredFloat32 {
  using Element = float;
  KVDIFF_DEVICE static float value(float stored) { return stored; }
};
struct StoredFloat16 {
  using Element = uint16_t;
  KVDIFF_DEVICE static float value(uint16_t stored) { return from_float16_bits(stored); }
};
struct StoredBfloat16 {
  using Element = uint16_t;
  KVDIFF_DEVICE static float value(uint16_t stored) { return from_bfloat16_bits(stored); }
};

// y[row][o] = round(sum over k of x[row][k] * w[o][k] + bias[o]), in the written order. Weights as the host packs them:
// [ceil(outputs / 16)][inputs][16]. One thread per output and tile of rows; x passes through shared memory.
template <class Stored>
struct Linear {
  struct Arguments {
    Span<const typename Stored::Element> weights;
    Span<const float> bias;  // empty: none
    Span<const float> x;     // [rows, inputs]
    Span<float> y;           // [rows, outputs]
    int64_t rows, inputs, outputs;
    Dtype dtype;
  };
  static constexpr const char* name = "linear";
  static constexpr int width = 128, tile = 4;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments& a) {
    return {blocks_for(a.outputs, width), blocks_for(a.rows, tile), width, tile * reduction_chunk * 4};
  }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    Shared<float> part = thread.shared<float>(0, tile * reduction_chunk);
    const int64_t output = thread.global(), first_row = thread.block_y() * tile;
    float total[tile] = {};
    for (int64_t begin = 0; begin < a.inputs; begin += reduction_chunk) {
      const int64_t terms = a.inputs - begin < reduction_chunk ? a.inputs - begin : reduction_chunk;
      thread.barrier();  // the part before this one has been read
      for (int r = 0; r < tile; ++r)
        for (int64_t k = thread.index(); k < terms; k += width)
          part[r * reduction_chunk + k] = first_row + r < a.rows ? a.x[(first_row + r) * a.inputs + begin + k] : 0.0f;
      thread.barrier();
      if (output < a.outputs) add_chunk(a, part, output, begin, terms, total);
    }
    for (int r = 0; r < tile && output < a.outputs && first_row + r < a.rows; ++r)
      a.y[(first_row + r) * a.outputs + output] =
          rounded(a.dtype, a.bias.size() > 0 ? total[r] + a.bias[output] : total[r]);
  }

 private:
  KVDIFF_DEVICE static void add_chunk(const Arguments& a, const Shared<float>& part, int64_t output, int64_t begin,
                                      int64_t terms, float (&total)[tile]) {
    float sum[tile] = {};
    const int64_t column = (output / 16 * a.inputs + begin) * 16 + output % 16;
    for (int64_t k = 0; k < terms; ++k) {
      const float weight = Stored::value(a.weights[column + 16 * k]);
      KVDIFF_UNROLL
      for (int r = 0; r < tile; ++r) sum[r] = fma(part[r * reduction_chunk + k], weight, sum[r]);
    }
    for (int r = 0; r < tile; ++r) total[r] = begin == 0 ? sum[r] : total[r] + sum[r];
  }
};

using LinearFloat32 = Linear<StoredFloat32>;
using LinearFloat16 = Linear<StoredFloat16>;
using LinearBfloat16 = Linear<StoredBfloat16>;

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
