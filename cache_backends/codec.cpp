#include "cache_backends/codec.h"

namespace kvdiff {

Bytes& Bytes::operator+=(const Bytes& other) {
  codes += other.codes;
  scales += other.scales;
  zeros += other.zeros;
  residual += other.residual;
  return *this;
}

}  // namespace kvdiff
