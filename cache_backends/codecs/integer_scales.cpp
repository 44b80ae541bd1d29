#include "cache_backends/codecs/integer_scales.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cache_backends/codecs/spec_values.h"
#include "cache_backends/error.h"
#include "cache_backends/kernels/hqq.h"

namespace kvdiff {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// NaN once, NaN for good: a scale must not hide it.
float smaller(float best, float value) { return std::isnan(best) || value >= best ? best : value; }
float larger(float best, float value) { return std::isnan(best) || value <= best ? best : value; }

struct Ranges {
  std::vector<float> smallest, largest;
  explicit Ranges(int64_t count)
      : smallest(static_cast<size_t>(count), infinity), largest(static_cast<size_t>(count), -infinity) {}
};

void merge(Ranges& into, int64_t at, float smallest, float largest) {
  into.smallest[at] = smaller(into.smallest[at], smallest);
  into.largest[at] = larger(into.largest[at], largest);
}

Ranges ranges_of_channels(const ScaleLayout& layout, std::span<const float> values) {
  const BlockShape& shape = layout.shape;
  const HqqKernels& kernels = hqq_kernels(active_simd());
  Ranges ranges(layout.count()), part(shape.head_size);
  for (int64_t matrix = 0; matrix < shape.batch * shape.heads && shape.tokens > 0; ++matrix) {
    const float* first = values.data() + matrix * shape.tokens * shape.head_size;
    kernels.ranges({first, shape.tokens, shape.head_size, 0}, part.smallest.data(), part.largest.data());
    const int64_t at = layout.at(matrix * shape.tokens);
    for (int64_t d = 0; d < shape.head_size; ++d) merge(ranges, at + d, part.smallest[d], part.largest[d]);
  }
  return ranges;
}

Ranges ranges_of_rows(const ScaleLayout& layout, std::span<const float> values) {
  const int64_t rows = layout.shape.elements() / std::max<int64_t>(layout.shape.head_size, 1);
  Ranges ranges(layout.count()), part(rows);
  if (rows == 0) return ranges;
  hqq_kernels(active_simd())
      .ranges({values.data(), rows, layout.shape.head_size, 1}, part.smallest.data(), part.largest.data());
  for (int64_t row = 0; row < rows; ++row) merge(ranges, layout.at(row), part.smallest[row], part.largest[row]);
  return ranges;
}

}  // namespace

int64_t ScaleLayout::count() const {
  switch (per) {
    case IntegerPer::token_head: return shape.batch * shape.heads * shape.tokens;
    case IntegerPer::token: return shape.batch * shape.tokens;
    case IntegerPer::channel: return (one_sequence ? 1 : shape.batch) * shape.heads * shape.head_size;
    case IntegerPer::tensor: return 1;
  }
  return 0;
}

int64_t ScaleLayout::at(int64_t row) const {
  const int64_t token = row % shape.tokens, matrix = row / shape.tokens;
  switch (per) {
    case IntegerPer::token_head: return row;
    case IntegerPer::token: return matrix / shape.heads * shape.tokens + token;
    case IntegerPer::channel: return (one_sequence ? matrix % shape.heads : matrix) * shape.head_size;
    case IntegerPer::tensor: return 0;
  }
  return 0;
}

void require_held_shape(const IntegerScales& held, const ScaleLayout& layout) {
  if (static_cast<int64_t>(held.scale.size()) == layout.count()) return;
  throw InternalError(fmt::format("{} frozen scales do not serve a block of {} heads of {} channels", held.scale.size(),
                                  layout.shape.heads, layout.shape.head_size));
}

IntegerScales integer_scales(const IntegerFormat& format, const ScaleLayout& layout, std::span<const float> values) {
  const Ranges ranges =
      format.per == IntegerPer::channel ? ranges_of_channels(layout, values) : ranges_of_rows(layout, values);
  IntegerScales scales;
  for (size_t i = 0; i < ranges.smallest.size(); ++i) {
    const float low = ranges.smallest[i], high = ranges.largest[i];
    if (!format.offset) {
      const float scale = larger(std::fabs(low), std::fabs(high)) / format.largest();
      scales.scale.push_back(stored(Dtype::float32, scale < 1e-6f ? 1e-6f : scale));
      continue;
    }
    const float scale = (high - low) / format.largest();
    scales.scale.push_back(stored(Dtype::float32, scale == 0.0f ? 1.0f : scale));
    scales.zero.push_back(stored(Dtype::float32, low));
  }
  return scales;
}

}  // namespace kvdiff
