#pragma once
#include "cache_backends/device/kernels/linear.cuh"

// What a transformer layer does between its linear layers.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// One thread per element of something: what most kernels here are.
template <class Kernel>
struct EachElement {
  static constexpr int width = 256;
  static constexpr bool cooperates = false;
  template <class Arguments>
  static Geometry geometry(const Arguments& a) {
    return {blocks_for(Kernel::elements(a), width), 1, width, 0};
  }
  template <class Arguments>
  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t i = thread.global();
    if (i < Kernel::elements(a)) Kernel::one(a, i);
  }
};

// to[row] = weights row tokens[row], out of the packed layout.
template <class Stored>
struct Embed : EachElement<Embed<Stored>> {
  struct Arguments {
    Span<const typename Stored::Element> weights;
    Span<const int32_t> tokens;
    Span<float> to;  // [rows, inputs]
    int64_t inputs;
  };
  static constexpr const char* name = "embed";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.to.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const int64_t token = a.tokens[i / a.inputs], k = i % a.inputs;
    a.to[i] = Stored::value(a.weights[(token / 16 * a.inputs + k) * 16 + token % 16]);
  }
};

// y = round(round(x / sqrt(mean(x^2) + epsilon)) * weight), a block per row: the chunks' sums of squares side by side, joined
// in ascending order by one thread.
struct RmsNorm {
  struct Arguments {
    Span<const float> x, weight;  // [rows, columns], [columns]
    Span<float> y;
    int64_t rows, columns;
    float epsilon;
    Dtype dtype;
  };
  static constexpr const char* name = "rms_norm";
  static constexpr int width = 128;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments& a) {
    return {a.rows, 1, width, 4 * (blocks_for(a.columns, reduction_chunk) + 1)};
  }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t chunks = blocks_for(a.columns, reduction_chunk), row = thread.block() * a.columns;
    Shared<float> sums = thread.shared<float>(0, chunks + 1);  // and the factor behind them
    for (int64_t chunk = thread.index(); chunk < chunks; chunk += width) sums[chunk] = sum_of_squares(a, row, chunk);
    thread.barrier();
    if (thread.index() == 0) {
      float total = sums[0];
      for (int64_t chunk = 1; chunk < chunks; ++chunk) total = total + sums[chunk];
      sums[chunks] = 1.0f / square_root(total / static_cast<float>(a.columns) + a.epsilon);
    }
    thread.barrier();
    const float factor = sums[chunks];
    for (int64_t i = thread.index(); i < a.columns; i += width)
      a.y[row + i] = rounded(a.dtype, rounded(a.dtype, a.x[row + i] * factor) * a.weight[i]);
  }

 private:
  KVDIFF_DEVICE static float sum_of_squares(const Arguments& a, int64_t row, int64_t chunk) {
    float sum = 0;
    for (int64_t i = chunk * reduction_chunk; i < (chunk + 1) * reduction_chunk && i < a.columns; ++i) {
      const float x = a.x[row + i];
      sum = fma(x, x, sum);
    }
    return sum;
  }
};

// In place: pairs (i, i + D / 2) of each head, each product and the sum rounded. angles [rows, D]: D / 2 cosines, then sines.
struct Rope : EachElement<Rope> {
  struct Arguments {
    Span<float> values;        // [rows, heads, head_size]
    Span<const float> angles;
    int64_t heads, head_size;
    Dtype dtype;
  };
  static constexpr const char* name = "rope";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.values.size() / 2; }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const int64_t half = a.head_size / 2, pair = i % half, head = i / half, row = head / a.heads;
    const float cosine = a.angles[row * a.head_size + pair], sine = a.angles[row * a.head_size + half + pair];
    const int64_t first = head * a.head_size + pair, second = first + half;
    const float x = a.values[first], y = a.values[second];
    a.values[first] = rounded(a.dtype, rounded(a.dtype, x * cosine) + rounded(a.dtype, -y * sine));
    a.values[second] = rounded(a.dtype, rounded(a.dtype, y * cosine) + rounded(a.dtype, x * sine));
  }
};

// gate = round(round(silu(gate)) * up)
struct SiluMultiply : EachElement<SiluMultiply> {
  struct Arguments {
    Span<float> gate;
    Span<const float> up;
    Dtype dtype;
  };
  static constexpr const char* name = "silu_multiply";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.gate.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const float x = a.gate[i];
    a.gate[i] = rounded(a.dtype, rounded(a.dtype, x / (1.0f + exponential(-x))) * a.up[i]);
  }
};

// total = round(total + added)
struct AddRounded : EachElement<AddRounded> {
  struct Arguments {
    Span<float> total;
    Span<const float> added;
    Dtype dtype;
  };
  static constexpr const char* name = "add_rounded";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.total.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) { a.total[i] = rounded(a.dtype, a.total[i] + a.added[i]); }
};

// to[i] = from[rows[i]], rows of `columns`.
struct TakeRows : EachElement<TakeRows> {
  struct Arguments {
    Span<const float> from;
    Span<const int64_t> rows;
    Span<float> to;
    int64_t columns;
  };
  static constexpr const char* name = "take_rows";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.to.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    a.to[i] = a.from[a.rows[i / a.columns] * a.columns + i % a.columns];
  }
};

// [tokens, heads, head_size] -> [heads, tokens, head_size]
struct ByHead : EachElement<ByHead> {
  struct Arguments {
    Span<const float> from;
    Span<float> to;
    int64_t tokens, heads, head_size;
  };
  static constexpr const char* name = "by_head";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.to.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const int64_t d = i % a.head_size, token = i / a.head_size % a.tokens, head = i / a.head_size / a.tokens;
    a.to[i] = a.from[(token * a.heads + head) * a.head_size + d];
  }
};

using EmbedFloat32 = Embed<StoredFloat32>;
using EmbedFloat16 = Embed<StoredFloat16>;
using EmbedBfloat16 = Embed<StoredBfloat16>;

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
