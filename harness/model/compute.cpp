#include "harness/model/compute.h"

namespace kvdiff {

void Compute::resize(Values& values, int64_t count) const {
  if (count > values.room) values = {memory().floats(count), count, count};
  values.size = count;
}

}  // namespace kvdiff
