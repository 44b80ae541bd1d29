#pragma once
#include "cache_backends/device/kernels/attention.cuh"
#include "cache_backends/device/kernels/rows.cuh"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// probabilities = exp(logits - largest) / sum, a block per query: chunks of 256 tokens are summed side by side and joined in
// ascending order. eager: logits are rounded, scaled and rounded before it, in place, and the probabilities after it.
struct AttentionSoftmax {
  struct Arguments {
    Span<float> logits, probabilities;
    AttentionRows shape;
    float scale;
    Dtype dtype;
    bool eager;
  };
  static constexpr const char* name = "attention_softmax";
  static constexpr int width = 128;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments& a) {
    const int64_t chunks = blocks_for(a.shape.first_visible + a.shape.rows - 1, reduction_chunk);
    return {a.shape.rows * a.shape.heads, 1, width, 4 * (chunks + width / 32 + 1)};
  }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t row = thread.block() * a.shape.stride, count = a.shape.first_visible + thread.block() / a.shape.heads;
    const int64_t chunks = (count + reduction_chunk - 1) / reduction_chunk;
    Shared<float> sums = thread.shared<float>(0, chunks + 1);
    Shared<float> warps = thread.shared<float>(4 * (chunks + 1), width / 32);
    const float largest = largest_of(a, thread, warps, row, count);
    for (int64_t t = thread.index(); t < count; t += width)
      a.probabilities[row + t] = exponential(a.logits[row + t] - largest);
    thread.barrier();
    for (int64_t chunk = thread.index(); chunk < chunks; chunk += width) sums[chunk] = chunk_sum(a, row, chunk, count);
    thread.barrier();
    if (thread.index() == 0) {
      float total = sums[0];
      for (int64_t chunk = 1; chunk < chunks; ++chunk) total = total + sums[chunk];
      sums[chunks] = total;
    }
    thread.barrier();
    const float total = sums[chunks];
    for (int64_t t = thread.index(); t < count; t += width) {
      const float probability = a.probabilities[row + t] / total;
      a.probabilities[row + t] = a.eager ? rounded(a.dtype, probability) : probability;
    }
  }

 private:
  // NaN where any logit is; their order does not matter.
  KVDIFF_DEVICE static float larger(float a, float b) {
    if (a != a || b != b) return not_a_number();
    return a > b ? a : b;
  }

  KVDIFF_DEVICE static float largest_of(const Arguments& a, Thread& thread, const Shared<float>& warps, int64_t row, int64_t count) {
    float best = -infinity();
    for (int64_t t = thread.index(); t < count; t += width) {
      if (a.eager) a.logits[row + t] = rounded(a.dtype, rounded(a.dtype, a.logits[row + t]) * a.scale);
      best = larger(best, a.logits[row + t]);
    }
    for (int by = 16; by > 0; by /= 2) best = larger(best, thread.shuffle_down(best, by));
    if (thread.lane() == 0) warps[thread.index() / 32] = best;
    thread.barrier();
    best = warps[0];
    for (int warp = 1; warp < width / 32; ++warp) best = larger(best, warps[warp]);
    return best;
  }

  KVDIFF_DEVICE static float chunk_sum(const Arguments& a, int64_t row, int64_t chunk, int64_t count) {
    float sum = 0;
    for (int64_t t = chunk * reduction_chunk; t < (chunk + 1) * reduction_chunk && t < count; ++t)
      sum = sum + a.probabilities[row + t];
    return sum;
  }
};

// out = round(the chunks' sums, in ascending order, of the chunks that a query sees).
struct JoinChunks : EachElement<JoinChunks> {
  struct Arguments {
    Span<const float> sums;  // of Weigh
    Span<float> out;
    AttentionRows shape;
    Dtype dtype;  // float32: not rounded
  };
  static constexpr const char* name = "attention_join";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.shape.rows * a.shape.heads * a.shape.head_size; }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const int64_t visible = a.shape.first_visible + i / a.shape.head_size / a.shape.heads;
    float total = a.sums[i];
    for (int64_t chunk = 1; chunk * reduction_chunk < visible; ++chunk) total = total + a.sums[chunk * elements(a) + i];
    a.out[i] = rounded(a.dtype, total);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
