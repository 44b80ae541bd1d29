#include "harness/run/kernels/bit_sums.h"
#include "harness/run/kernels/bit_sums_impl.h"

namespace kvdiff {

BitSum bit_sum_avx2() { return sum_of_terms; }

}  // namespace kvdiff
