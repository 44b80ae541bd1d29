#pragma once
#include "cache_backends/device/kernels/rows.cuh"

// Sums in the order of PyTorch's cascade, written down in cache_backends/kernels/hqq_sums.inc: runs of 2^power terms are added
// up, then runs of 2^power such sums, three levels high. What that order leaves independent is the runs, and the 32 lanes of a
// contiguous sum: term i belongs to lane i % 32.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// level_power() of hqq_sums.inc.
inline int cascade_power(int64_t terms) {
  const int logarithm = terms <= 2 ? 1 : static_cast<int>(std::bit_width(static_cast<uint64_t>(terms - 1)));
  return logarithm / 4 > 4 ? logarithm / 4 : 4;
}

struct CascadeSum {
  KVDIFF_DEVICE explicit CascadeSum(int power_of_level) : power(power_of_level) {}
  KVDIFF_DEVICE void add(float term) {
    run = run + term;
    if (((++held) >> power) == 0) return;
    const float whole = run;
    run = 0;
    held = 0;
    add_run(whole);
  }
  // The sum of 2^power terms, which somebody else has added up.
  KVDIFF_DEVICE void add_run(float whole) {
    const int64_t mask = (int64_t{1} << power) - 1;
    second = second + whole;
    if (++runs & mask) return;
    third = third + second;
    second = 0;
    if ((runs >> power) & mask) return;
    fourth = fourth + third;
    third = 0;
  }
  KVDIFF_DEVICE float total() const { return ((run + second) + third) + fourth; }

  float run = 0, second = 0, third = 0, fourth = 0;
  int64_t runs = 0;
  int held = 0, power;
};

// The rows of each level of one contiguous sum, each of 32 lanes: terms, sums of runs of terms, and so on.
struct CascadeRows {
  int64_t terms;
  int power;
  KVDIFF_SHARED_CODE int64_t at(int level) const { return (terms / 32) >> (level * power); }
};

// to[row] = the sum of from's rows [row << power, (row + 1) << power): a level of many cascades.
struct CascadeRuns : EachElement<CascadeRuns> {
  struct Arguments {
    Span<const float> from;
    Span<float> to;  // whole runs of it
    int power;
  };
  static constexpr const char* name = "cascade_runs";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.to.size(); }
  KVDIFF_DEVICE static void one(const Arguments& a, int64_t i) {
    const int64_t first = ((i / 32) << a.power) * 32 + i % 32;
    float sum = 0;
    for (int64_t row = 0; row < int64_t{1} << a.power; ++row) sum = sum + a.from[first + 32 * row];
    a.to[i] = sum;
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
