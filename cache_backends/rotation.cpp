#include "cache_backends/rotation.h"

#include <fmt/format.h>

#include <cmath>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

constexpr int64_t smallest_block = 64;

void pass(float* values, int64_t block, int64_t apart) {
  for (int64_t first = 0; first < block; first += 2 * apart) {
    for (int64_t i = first; i < first + apart; ++i) {
      const float a = values[i], b = values[i + apart];
      values[i] = a + b;
      values[i + apart] = a - b;
    }
  }
}

}  // namespace

int64_t rotation_block(Side side, int64_t head_size) {
  if (head_size % smallest_block != 0)
    throw UserError(ExitCode::usage, fmt::format("rotate=hadamard: the head size is {}, expected a multiple of {}; leave "
                                                 "rotate out, as llama.cpp does for such a model", head_size, smallest_block));
  return side == Side::value ? smallest_block : head_size & -head_size;
}

int64_t rotation_of(const SideSpec& spec, Side side, int64_t head_size) {
  const auto found = spec.values.find("rotate");
  return found != spec.values.end() && found->second == "hadamard" ? rotation_block(side, head_size) : 0;
}

void rotate(std::span<float> rows, int64_t block) {
  const float weight = static_cast<float>(1.0 / std::sqrt(static_cast<double>(block)));
  for (float* values = rows.data(); values != rows.data() + rows.size(); values += block) {
    for (int64_t apart = 1; apart < block; apart *= 2) pass(values, block, apart);
    for (int64_t i = 0; i < block; ++i) values[i] *= weight;
  }
}

std::vector<float> rotated(std::span<const float> rows, int64_t block, Dtype dtype) {
  std::vector<float> values(rows.begin(), rows.end());
  rotate(values, block);
  for (float& value : values) value = round_to(dtype, value);
  return values;
}

}  // namespace kvdiff
