#pragma once
#include <algorithm>
#include <limits>

#include "cache_backends/dtype.h"
#include "cache_backends/kernels/affine.h"
#include "cache_backends/kernels/integer.h"

// What Codec::error_bound takes the largest of: the bound of one group, block or value. constexpr, so that the kernels of a
// device call the very same formulas (device/kernels/*_bound.cuh). None is NaN.
namespace kvdiff::bounds {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr bool finite(double x) { return x - x == 0; }
constexpr double size_of(double x) { return x < 0 ? -x : x + 0.0; }  // |x|, and of -0 it is 0

// Half a unit in the last place, as a share of the value; half the smallest subnormal number; the largest number.
constexpr double unit(Dtype dtype) { return dtype == Dtype::float32 ? 0x1p-24 : dtype == Dtype::float16 ? 0x1p-11 : 0x1p-8; }
constexpr double least(Dtype dtype) { return dtype == Dtype::float32 ? 0x1p-150 : dtype == Dtype::float16 ? 0x1p-25 : 0x1p-134; }
constexpr double top(Dtype dtype) { return dtype == Dtype::float16 ? 65504.0 : std::numeric_limits<float>::max(); }

// Each rounding errs by at most `unit` of its result, or half the smallest subnormal number. The results on the way are
// no larger than the range, or than the range and the larger end where an offset counted in codes comes in.
struct AffineGroup {
  double smallest, largest, scale;
  double codes;  // 2^bits - 1
};
constexpr double of_affine(AffineForm form, const AffineGroup& group, Dtype dtype) {
  const auto& [smallest, largest, scale, codes] = group;
  const double range = largest - smallest, end = std::max(size_of(smallest), size_of(largest));
  if (!finite(range)) return infinite;
  double rounding = unit(dtype) * (6 * range + end) + least(dtype) * (codes + 6);
  double reach = range;
  if (form == AffineForm::zero) {
    if (!(scale > 0)) return infinite;  // LMDeploy divides by it, and decodes to NaN
    reach = std::max(range, end / scale + codes + 1);  // offsets in codes, and their products
    rounding = unit(dtype) * 8 * (range + end) + least(dtype) * (codes + 6 + 2 * end / scale);
  }
  if (reach * (1 + 4 * unit(dtype)) > top(dtype) || end + scale + rounding > top(dtype)) return infinite;
  const double bound = scale / 2 + rounding;
  return bound != bound ? infinite : bound;
}

struct HqqGroup {
  float smallest, largest;
  float scale;           // codes per unit, before any solver
  double codes;          // 2^bits - 1
  double shift;          // by how much the solver's zeros can clamp the ends of the range, in value; 0: no solver
  bool solves_in_half;
};

// Solver off: half a step, and never more than the group's range, since the smallest value is a code itself. Solver on: the
// ends of the range are clamped by as much as its turns move the zero; never by more than the whole range.
constexpr double nearest_of_hqq(double range, double step, double shift) {
  const bool one_code = range < 0.49 * step && range < 0.17;  // all values share code 0, in every turn
  if (shift == 0 || one_code) return std::min(step / 2, range);
  return step / 2 + std::min(range, shift);
}

constexpr double of_hqq(const HqqGroup& group, Dtype dtype) {
  const double range = double{group.largest} - group.smallest, step = 1.0 / group.scale, codes = group.codes;
  const double zero = size_of(double{group.smallest} * group.scale) + (group.shift > 0 ? codes : 0.0);
  if (!finite(range) || !finite(step)) return infinite;
  const double most = group.solves_in_half ? 65504.0 : top(dtype);
  const double nearest = nearest_of_hqq(range, step, group.shift);
  const double reach = std::max(size_of(group.smallest), size_of(group.largest)) + nearest;
  if (zero + codes > most || step > most || reach > most) return infinite;
  const double weight = codes + zero;  // largest |code - zero|
  const double smallest_step = dtype == Dtype::float16 ? 0x1p-25 : 0.0;  // subnormal scales and products
  const double decoding = unit(dtype) * step * (zero + 3 * weight) + smallest_step * (weight + 1);
  const double encoding = (group.solves_in_half ? 0x1p-9 : 0x1p-21) * step * (weight + zero);
  return nearest + decoding + encoding;
}

struct IntegerStep {
  double step, base;  // base: the zero, 0 where there is none
  float smallest, largest;  // codes
};

// Half a step, or a whole one when truncating; beyond a frozen range, the distance to it. Then the roundings of float32
// on the way to the code and back, and the one to the compute type.
constexpr double of_integer(double value, const IntegerStep& how, Rounding round, Dtype dtype) {
  const double low = how.base + how.smallest * how.step, high = how.base + how.largest * how.step;
  if (!finite(value) || !finite(low) || !finite(high)) return infinite;
  const double outside = std::max(std::max(0.0, value - high), low - value);
  const double reach = std::max(size_of(low), size_of(high)) + size_of(how.base);
  const double nearest = outside + (round == Rounding::truncate ? how.step : how.step / 2);
  if (size_of(value) + nearest > top(dtype)) return infinite;
  const double smallest_step = dtype == Dtype::float16 ? 0x1p-25 : 0.0;
  return nearest + unit(dtype) * (size_of(value) + nearest) + 0x1p-21 * reach + smallest_step;
}

struct GgmlBounded {
  double end;            // the largest magnitude of its values, all finite
  float scale, minimum;  // before they are rounded to float16
  double largest;        // steps of the farthest code
  double steps_off;      // GgmlFormat
  bool table;
};

// What the codes leave, then the rounding of d (times the largest step) and of m to float16, and of the value to its type.
// iq4_nl moves d away from the d0 that its codes were chosen for: that shift, times the largest step, comes on top.
constexpr double of_ggml(const GgmlBounded& block, Dtype dtype) {
  const double first = block.table ? block.end / 127 : size_of(block.scale), scale = size_of(block.scale);
  if (scale > 65504.0 || size_of(block.minimum) > 65504.0 || !finite(block.scale)) return infinite;
  const double moved = block.table ? 127 * size_of(first - scale) : 0.0;
  const double half = 0x1p-11, tiny = 0x1p-25;
  const double steps = block.largest * (half * scale + tiny), minimum = half * size_of(block.minimum) + tiny;
  const double share = dtype == Dtype::float32 ? 0x1p-23 : unit(dtype);
  const double nearest = block.steps_off * first + moved + steps + minimum + 0x1p-20 * block.end;
  if (block.end + nearest > top(dtype)) return infinite;
  return nearest + share * (block.end + nearest) + (dtype == Dtype::float16 ? tiny : 0x1p-134);
}

struct Fp8Step {
  float scale, largest;     // the largest number of the format
  double half_unit, smallest;  // of a normal number, as a share of it; the step of the subnormal ones
};

// Half a unit of the code, or half the smallest step; beyond the largest code, the distance to it; then the roundings on
// the way to the code and back.
constexpr double of_fp8(float value, const Fp8Step& how, Dtype dtype) {
  const double size = size_of(value), reach = double{how.largest} * how.scale;
  const double nearest = std::max(std::min(size, reach) * how.half_unit, how.smallest / 2 * how.scale);
  const double bound = nearest * (1 + 0x1p-18) + std::max(0.0, size - reach) + 0x1p-20 * size;
  if (!(size + bound <= top(dtype)) || !finite(how.scale)) return infinite;
  return bound + unit(dtype) * (size + bound) + (dtype == Dtype::float16 ? 0x1p-25 : 0x1p-134);
}

}  // namespace kvdiff::bounds
