#include "harness/model/files/tensor_values.h"

#include <bit>
#include <cstring>
#include <numeric>

#include "cache_backends/dtype.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"

using namespace kvdiff;

namespace {

// All 16-bit patterns, one byte off any alignment.
struct AllPatterns {
  std::vector<std::byte> storage = std::vector<std::byte>(1 + 2 * 65536);
  TensorEntry entry(StoredType type) {
    for (uint32_t i = 0; i < 65536; ++i) {
      const auto bits = static_cast<uint16_t>(i);
      std::memcpy(storage.data() + 1 + 2 * i, &bits, 2);
    }
    return {"all", type, "", {256, 256}, std::span(storage).subspan(1)};
  }
};

}  // namespace

TEST_CASE("16-bit weights widen to the exact float32, all patterns", "[modelfiles][tensor_values]") {
  AllPatterns patterns;
  const std::vector<float> halves = read_all(patterns.entry(StoredType::F16));
  const std::vector<float> brains = read_all(patterns.entry(StoredType::BF16));
  size_t wrong = 0;
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    wrong += std::bit_cast<uint32_t>(halves[i]) != std::bit_cast<uint32_t>(from_float16_bits(bits));
    wrong += std::bit_cast<uint32_t>(brains[i]) != std::bit_cast<uint32_t>(from_bfloat16_bits(bits));
  }
  CHECK(wrong == 0);
}

TEST_CASE("float32 weights keep every bit", "[modelfiles][tensor_values]") {
  const std::vector<uint32_t> bits = {0x80000000, 0x7fc00001, 0xff800000, 0x00000001, 0x3f800000, 0x7f7fffff};
  std::vector<std::byte> storage(3 + 4 * bits.size());
  std::memcpy(storage.data() + 3, bits.data(), 4 * bits.size());
  const TensorEntry tensor{"w", StoredType::F32, "F32", {3, 2}, std::span(storage).subspan(3)};
  const std::vector<float> all = read_all(tensor);
  CHECK(std::memcmp(all.data(), bits.data(), 4 * bits.size()) == 0);
  std::vector<float> row(2);
  read_row(tensor, 2, row);
  CHECK(std::memcmp(row.data(), bits.data() + 4, 8) == 0);
  read_elements(tensor, 1, row);
  CHECK(std::memcmp(row.data(), bits.data() + 1, 8) == 0);
}

TEST_CASE("elements that are not there, and types that are not read", "[modelfiles][tensor_values]") {
  std::vector<float> values(4, 1.0f);
  const TensorEntry tensor{"w", StoredType::F32, "F32", {2, 2}, std::as_bytes(std::span(values))};
  std::vector<float> two(2);
  std::vector<float> three(3);
  CHECK_THROWS_AS(read_row(tensor, 2, two), InternalError);
  CHECK_THROWS_AS(read_row(tensor, -1, two), InternalError);
  CHECK_THROWS_AS(read_row(tensor, 0, three), InternalError);
  CHECK_THROWS_AS(read_elements(tensor, 2, three), InternalError);
  const TensorEntry codes{"codes", StoredType::other, "I8", {2}, std::as_bytes(std::span(values)).first(2)};
  test::check_refused([&] { read_all(codes); }, "'codes' is I8", "F32, F16 or BF16");
}
