#pragma once
#include "cache_backends/device/kernels/rows.cuh"

// Smallest and largest of groups of values, as the hosts of integer, affine and fp8 find them: NaN wins, of equals the first.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// Of neighbouring stretches the earlier one is `best`: joined in any tree they give what one pass over all gives.
KVDIFF_DEVICE float smaller(float best, float value) { return best != best || value >= best ? best : value; }
KVDIFF_DEVICE float larger(float best, float value) { return best != best || value <= best ? best : value; }
KVDIFF_DEVICE float canonical(float x) { return x != x ? not_a_number() : x; }
KVDIFF_DEVICE float magnitude(float x) { return float_of(bits_of(x) & 0x7fffffffu); }

// Where the elements of each group lie, in ascending order. A group's number has three digits, (high * middle + mid) * low +
// digit, each with its stride; from there `outer` rows of `inner` elements.
struct GroupWalk {
  int64_t groups = 0, first = 0;
  int64_t low = 1, middle = 1;
  int64_t low_stride = 0, middle_stride = 0, high_stride = 0;
  int64_t inner = 0, inner_stride = 1, outer = 1, outer_stride = 0;
  int64_t last_inner = -1;  // of groups whose lowest digit is the last, where it is not `inner`; then `outer` is 1

  KVDIFF_DEVICE int64_t base(int64_t group) const {
    const int64_t above = group / low;
    return first + group % low * low_stride + above % middle * middle_stride + above / middle * high_stride;
  }
  KVDIFF_DEVICE int64_t length(int64_t group) const {
    return last_inner >= 0 && group % low == low - 1 ? last_inner : inner * outer;
  }
};

// One thread per group and piece of it; pieces are joined by a second launch that walks over the first one's results.
struct GroupRanges : EachElement<GroupRanges> {
  struct Arguments {
    Span<const float> low, high;    // the values twice; in a second pass what the first has found
    Span<float> smallest, largest;  // [pieces, groups]
    GroupWalk walk;
    int64_t pieces;
  };
  static constexpr const char* name = "group_ranges";
  static constexpr int64_t piece = 256;  // a head of most models is one
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.pieces * a.walk.groups; }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const int64_t group = i % a.walk.groups, begin = i / a.walk.groups * piece, length = a.walk.length(group);
    const int64_t end = begin + piece < length ? begin + piece : length;
    float low = infinity(), high = -infinity();  // of nothing
    if (begin < end) {
      int64_t column = begin % a.walk.inner;
      int64_t at = a.walk.base(group) + begin / a.walk.inner * a.walk.outer_stride + column * a.walk.inner_stride;
      for (int64_t left = end - begin; left > 0; --left) {
        low = smaller(low, a.low[at]);
        high = larger(high, a.high[at]);
        at += a.walk.inner_stride;
        if (++column == a.walk.inner) {
          column = 0;
          at += a.walk.outer_stride - a.walk.inner * a.walk.inner_stride;
        }
      }
    }
    a.smallest[i] = canonical(low);
    a.largest[i] = canonical(high);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
