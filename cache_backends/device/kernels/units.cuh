#pragma once
#include "cache_backends/device/kernels/reduction.cuh"
#include "cache_backends/device/kernels/rows.cuh"

// Kernels over encoded units: one tensor, or many tokens of `per_unit` elements each that were encoded alone, side by side.
// What they find out is the largest of non-negative doubles, whose bits are ordered as they are: integer atomics, no order.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// NaN and 0 raise nothing: a unit begins with 0.
KVDIFF_DEVICE void raise_to(Thread& thread, const Span<uint64_t>& largest, int64_t unit, double value) {
  if (value > 0) thread.atomic_max(largest, unit, bits_of(value));
}

// Blocks of threads over the elements of units, none of which reaches into two. A Kernel has
//   units(a), per_unit(a), Found (what a thread has found), look(a, element, found), tell(a, unit, found, thread)
template <class Kernel>
struct EachOfUnit {
  static constexpr int width = 256;
  static constexpr bool cooperates = false;
  static constexpr int64_t each = 16;  // elements of a thread
  template <class Arguments>
  KVDIFF_SHARED_CODE static int64_t pieces(const Arguments& a) { return (Kernel::per_unit(a) + width * each - 1) / (width * each); }
  template <class Arguments>
  static Geometry geometry(const Arguments& a) { return {Kernel::units(a) * pieces(a), 1, width, 0}; }
  template <class Arguments>
  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t unit = thread.block() / pieces(a), begin = thread.block() % pieces(a) * width * each + thread.index();
    typename Kernel::Found found{};
    for (int64_t k = 0; k < each; ++k)
      if (const int64_t i = begin + k * width; i < Kernel::per_unit(a)) Kernel::look(a, unit * Kernel::per_unit(a) + i, found);
    Kernel::tell(a, unit, found, thread);
  }
};

// The same for bounds: a Kernel has bound_of(a, element), and Arguments with `bounds` [units] and `per_unit`.
template <class Kernel>
struct EachBound : EachOfUnit<Kernel> {
  using Found = double;
  template <class Arguments>
  KVDIFF_SHARED_CODE static int64_t units(const Arguments& a) { return a.bounds.size(); }
  template <class Arguments>
  KVDIFF_SHARED_CODE static int64_t per_unit(const Arguments& a) { return a.per_unit; }
  template <class Arguments>
  KVDIFF_DEVICE static void look(const Arguments& a, int64_t element, double& found) {
    const double bound = Kernel::bound_of(a, element);
    if (bound > found) found = bound;
  }
  template <class Arguments>
  KVDIFF_DEVICE static void tell(const Arguments& a, int64_t unit, double found, Thread& thread) {
    raise_to(thread, a.bounds, unit, found);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
