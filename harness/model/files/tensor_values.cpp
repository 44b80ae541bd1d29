#include "harness/model/files/tensor_values.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "cache_backends/error.h"
#include "harness/model/files/text_quote.h"

namespace kvdiff {
namespace {

void copy_float32(const std::byte* from, std::span<float> out) {
  if (!out.empty()) std::memcpy(out.data(), from, out.size_bytes());
}

// The same values as from_float16_bits, without branches, so that the compiler makes vector code of the loop: a model
// has 10^8 of them and more. The exponent's bias is moved by a multiplication, exact for subnormal values too.
inline float widen_float16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t magnitude = bits & 0x7fffu;
  const float finite = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  const uint32_t special = magnitude > 0x7c00u ? 0x7fc00000u : sign | 0x7f800000u;
  return std::bit_cast<float>(magnitude >= 0x7c00u ? special : sign | std::bit_cast<uint32_t>(finite));
}

inline float widen_bfloat16(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

template <float convert(uint16_t)>
void convert_16_bit(const std::byte* from, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, from + 2 * i, 2);
    out[i] = convert(bits);
  }
}

int64_t element_count(const TensorEntry& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape) count *= size;
  return count;
}

}  // namespace

void read_elements(const TensorEntry& tensor, int64_t first, std::span<float> out) {
  const auto count = static_cast<int64_t>(out.size());
  if (first < 0 || first > element_count(tensor) || count > element_count(tensor) - first) {
    throw InternalError(
        fmt::format("read_elements: {} from {} of {}, shape {}", count, first, tensor.name, shape_text(tensor.shape)));
  }
  const std::byte* const begin = tensor.bytes.data();
  switch (tensor.type) {
    case StoredType::F32:
      return copy_float32(begin + 4 * first, out);
    case StoredType::F16:
      return convert_16_bit<widen_float16>(begin + 2 * first, out);
    case StoredType::BF16:
      return convert_16_bit<widen_bfloat16>(begin + 2 * first, out);
    case StoredType::other:
      break;
  }
  throw UserError(ExitCode::input,
                  fmt::format("tensor {} is {}, expected F32, F16 or BF16: use a checkpoint whose weights "
                              "are not quantized",
                              quote_name(tensor.name), tensor.type_name));
}

void read_row(const TensorEntry& matrix, int64_t row, std::span<float> out) {
  if (matrix.shape.size() != 2 || matrix.shape[1] != static_cast<int64_t>(out.size()) || row < 0 ||
      row >= matrix.shape[0]) {
    throw InternalError(fmt::format("read_row: row {} of {} values of {}, shape {}", row, out.size(), matrix.name,
                                    shape_text(matrix.shape)));
  }
  read_elements(matrix, row * matrix.shape[1], out);
}

std::vector<float> read_all(const TensorEntry& tensor) {
  std::vector<float> values(static_cast<size_t>(element_count(tensor)));
  read_elements(tensor, 0, values);
  return values;
}

}  // namespace kvdiff
