#pragma once
#include "cache_backends/device/kernels/cascade.cuh"
#include "cache_backends/device/kernels/hqq_format.cuh"

// One value's part in a turn of HQQ's solver: cache_backends/kernels/hqq_solver.inc, operation by operation.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

struct HqqTensor {
  Span<const float> values;
  HqqPlaces places;
};

// Whether the solver goes on is found where its errors are: the host starts all turns at once and waits for none.
struct HqqState {
  float best;             // mean error of the turns so far
  int32_t begun, stopped;  // stopped: a turn came out no better
};
struct HqqProgress {
  Span<HqqState> state;  // [1], zeros at the start
  float first_error;     // what the first turn has to beat

  KVDIFF_DEVICE bool stopped() const {
    const HqqState now = state[0];
    return now.stopped != 0;
  }
  KVDIFF_DEVICE void take(float mean) const {
    const HqqState before = state[0];
    const float best = before.begun != 0 ? before.best : first_error;
    state[0] = {mean, 1, mean < best ? 0 : 1};
  }
};

// HqqStep of cache_backends/kernels/hqq.h; code = value * scale + zero.
struct HqqTurn {
  Span<const float> scale;
  Span<const float> zero;  // that the turn starts from
  float largest_code, shrink_weight, negligible;
  HqqProgress progress;
};

// Minimax polynomials: value ^ p on the mantissa, by the type of the solver, and 2 ^ x.
struct HqqPower32 {
  static constexpr float high = -0x1.3332p-2f, low = -0x1.34p-18f;
  static constexpr float c0 = -0x1.33332ep-2f, c1 = 0x1.8f5c24p-3f, c2 = -0x1.32335ap-3f, c3 = 0x1.f93f74p-4f,
                         c4 = -0x1.b0b236p-4f, c5 = 0x1.7cb45ep-4f, c6 = -0x1.6ffcfap-4f, c7 = 0x1.708df6p-4f,
                         c8 = -0x1.b68944p-5f;
};
struct HqqPower16 {
  static constexpr float high = -0x1.334p-2f, low = 0.0f;
  static constexpr float c0 = -0x1.333ffap-2f, c1 = 0x1.8f709cp-3f, c2 = -0x1.3244b8p-3f, c3 = 0x1.f95e04p-4f,
                         c4 = -0x1.b0cda2p-4f, c5 = 0x1.7ccd60p-4f, c6 = -0x1.7015f6p-4f, c7 = 0x1.70a7c2p-4f,
                         c8 = -0x1.b6a8a6p-5f;
};

template <class C>
KVDIFF_DEVICE float hqq_power(float value) {
  const uint32_t bits = bits_of(value);
  const int32_t exponent = static_cast<int32_t>(bits - 0x3f3504f3u) >> 23;
  const float r = float_of(bits - (static_cast<uint32_t>(exponent) << 23)) - 1.0f;
  const float r2 = r * r, r4 = r2 * r2;
  const float low = fma(fma(C::c3, r, C::c2), r2, fma(C::c1, r, C::c0));
  const float high = fma(fma(C::c7, r, C::c6), r2, fma(C::c5, r, C::c4));
  const float a = r * fma(fma(C::c8, r4, high), r4, low);
  const float e = static_cast<float>(exponent);
  const float shifted = fma(e, C::high, 0x1.8p23f);
  const float f = fma(e, C::low, fma(e, C::high, 0x1.8p23f - shifted));
  const float f2 = f * f;
  const float upper = fma(fma(0x1.470b4ep-13f, f, 0x1.5f7278p-10f), f2, fma(0x1.3b270ep-7f, f, 0x1.c6ae72p-5f));
  const float b = f * fma(upper, f2, fma(0x1.ebfbe2p-3f, f, 0x1.62e432p-1f));
  const uint32_t whole = (bits_of(shifted) - 0x4b400000u) << 23;
  return float_of(bits_of(1.0f + (a + fma(a, b, b))) + whole);
}

KVDIFF_DEVICE float hqq_magnitude(float x) { return float_of(bits_of(x) & 0x7fffffffu); }
KVDIFF_DEVICE float hqq_round_even(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

template <bool half>
struct HqqSolver {
  KVDIFF_DEVICE static float round(float x) {
    if constexpr (half) return rounded(Dtype::float16, x);
    return x;
  }
  struct Measured {
    float value, scale, code, scaled, error;  // error = value - decoded
  };
  KVDIFF_DEVICE static Measured measure(const HqqTensor& tensor, const HqqTurn& turn, int64_t element) {
    const int64_t group = tensor.places.group_of(element);
    const float value = round(tensor.values[element]), scale = turn.scale[group], zero = turn.zero[group];
    const float scaled = round(value * scale), shifted = round(scaled + zero);
    const float raised = shifted < 0.0f ? 0.0f : shifted;  // NaN passes
    const float code = hqq_round_even(raised > turn.largest_code ? turn.largest_code : raised);
    const float decoded = round(round(code - zero) / scale);
    return {value, scale, code, scaled, round(value - decoded)};
  }
  KVDIFF_DEVICE static float distance(const HqqTensor& tensor, const HqqTurn& turn, int64_t element) {
    return hqq_magnitude(measure(tensor, turn, element).error);
  }
  // What the value adds to its group's new zero. The host finds the power for strips of 32 values or not at all; a negligible
  // error is shrunk to 0 either way.
  KVDIFF_DEVICE static float term(const HqqTensor& tensor, const HqqTurn& turn, int64_t element) {
    const Measured m = measure(tensor, turn, element);
    const float distance = hqq_magnitude(m.error);
    if (distance <= turn.negligible) return round(m.code - m.scaled);
    const float kept = round(distance - round(turn.shrink_weight * round(power(distance))));
    const float error = float_of(bits_of(kept < 0.0f ? 0.0f : kept) | (bits_of(m.error) & 0x80000000u));
    return round(m.code - round(round(m.value - error) * m.scale));
  }
  KVDIFF_DEVICE static float mean(float sum, int64_t count) {
    if constexpr (half) return round(sum * (1.0f / static_cast<float>(count)));
    return sum / static_cast<float>(count);
  }

 private:
  KVDIFF_DEVICE static float power(float x) {
    if constexpr (half) return hqq_power<HqqPower16>(x);
    return hqq_power<HqqPower32>(x);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
