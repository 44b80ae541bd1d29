#pragma once
#include "cache_backends/device/kernels/hqq_solver.cuh"

// What stands around HQQ's solver: min-max scales and zeros before it, codes and stored scales and zeros after it. The host's
// are in cache_backends/codecs/hqq.cpp and cache_backends/kernels/hqq_kernel.inc.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// A thread per group. NaN wins, the first of two zeros wins.
struct HqqRanges : EachElement<HqqRanges> {
  struct Arguments {
    HqqTensor tensor;
    Span<float> scale, zero;  // [groups]; scale: codes per unit
    float largest_code;
    bool guards;  // a range up to 1e-4 gets scale 1
    bool half;    // the solver takes them in float16
  };
  static constexpr const char* name = "hqq_ranges";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.scale.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t group) {
    const HqqPlaces& p = a.tensor.places;
    const int64_t first = p.axis == 1 ? group * p.columns : group, stride = p.axis == 1 ? 1 : p.columns;
    const int64_t count = p.axis == 1 ? p.columns : p.rows;
    float smallest = a.tensor.values[first], largest = smallest;
    for (int64_t i = 1; i < count; ++i) {
      const float value = a.tensor.values[first + i * stride];
      smallest = smallest != smallest ? smallest : !(value >= smallest) ? value : smallest;
      largest = largest != largest ? largest : !(value <= largest) ? value : largest;
    }
    const float scale = scale_of(largest - smallest, a.largest_code, a.guards), zero = -smallest * scale;
    a.scale[group] = a.half ? rounded(Dtype::float16, scale) : scale;
    a.zero[group] = a.half ? rounded(Dtype::float16, zero) : zero;
  }

  // Codes per unit.
  KVDIFF_DEVICE static float scale_of(float range, float largest_code, bool guards) {
    float scale = (1.0f / range) * largest_code;
    if (guards && hqq_magnitude(range) <= 1e-4f) scale = 1.0f;
    return scale > 2e4f ? 2e4f : scale;
  }
};

// Codes, clamp(round(value * scale + zero)) with NaN at 0, a thread per word: pack() of cache_backends/codecs/hqq_packing.cpp.
struct HqqPack : EachElement<HqqPack> {
  struct Arguments {
    HqqTensor tensor;
    Span<const float> scale, zero;
    Span<uint8_t> packed;
    int64_t chunk;  // words: places.chunk()
    float largest_code;
  };
  static constexpr const char* name = "hqq_pack";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.chunk; }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const HqqPlaces& p = a.tensor.places;
    const int64_t elements = p.elements();
    uint32_t word = 0;
    for (int64_t element = i, part = 0; part < p.chunks(); element += a.chunk, ++part)
      word = word << p.bits | (element < elements ? code(a, element) : 0u);  // the first lies in the highest bits
    for (int byte = 0; byte < p.word_bytes(); ++byte) a.packed[p.word_bytes() * i + byte] = static_cast<uint8_t>(word >> (8 * byte));
  }

 private:
  KVDIFF_DEVICE static uint32_t code(const Arguments& a, int64_t element) {
    const int64_t group = a.tensor.places.group_of(element);
    const float scaled = a.tensor.values[element] * a.scale[group] + a.zero[group];
    const float raised = scaled > 0.0f ? scaled : 0.0f;
    return static_cast<uint32_t>(static_cast<int>(hqq_round_even(raised < a.largest_code ? raised : a.largest_code)));
  }
};

// What is kept of scales and zeros, in place: units per code, rounded to the compute type.
struct HqqStored : EachElement<HqqStored> {
  struct Arguments {
    Span<float> scale, zero;
    bool half;  // the solver's inverse is rounded, too
    Dtype dtype;
  };
  static constexpr const char* name = "hqq_stored";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.scale.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const float scale = 1.0f / a.scale[i];
    a.scale[i] = stored(a.dtype, a.half ? rounded(Dtype::float16, scale) : scale);
    a.zero[i] = stored(a.dtype, a.zero[i]);
  }

 private:
  KVDIFF_DEVICE static float stored(Dtype dtype, float x) { return x != x ? not_a_number() : rounded(dtype, x); }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
