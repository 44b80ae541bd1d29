// llama.cpp's block formats worked by hand; whole tensors are held to gguf in peers_fixture_test.cpp.
#include <cmath>
#include <limits>
#include <numeric>

#include "cache_backends/error.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

constexpr BlockShape one_block = {1, 1, 1, 32};

EncodedBlock encoded(const std::string& name, const std::vector<float>& values, Dtype dtype = Dtype::float32) {
  return codec_of(name, {})->encode(values, one_block, dtype);
}

std::vector<int32_t> codes(const std::string& name, const std::vector<float>& values) {
  return codec_of(name, {})->codes(encoded(name, values));
}

std::vector<float> ramp() {
  std::vector<float> values(32);
  std::iota(values.begin(), values.end(), -16.0f);  // -16 ... 15
  return values;
}

}  // namespace

TEST_CASE("ggml: bytes of a block are llama.cpp's", "[codecs][ggml]") {
  for (const auto& [name, bytes] : {std::pair{"q8_0", 34}, {"q5_1", 24}, {"q5_0", 22}, {"q4_1", 20}, {"q4_0", 18}, {"iq4_nl", 18}}) {
    INFO(name);
    for (const Dtype dtype : {Dtype::float16, Dtype::float32}) {
      CHECK(codec_of(name, {})->bytes(encoded(name, ramp(), dtype)).total() == bytes);
      CHECK(codec_of(name, {})->expected_bytes({1, 2, 3, 64}, dtype).total() == 12 * bytes);
    }
  }
}

TEST_CASE("ggml: a ramp, by hand", "[codecs][ggml]") {
  // q5_0: d = -16 / -16 = 1, code = x + 16, all exact.
  const auto q5 = codes("q5_0", ramp());
  for (int32_t j = 0; j < 32; ++j) CHECK(q5[static_cast<size_t>(j)] == j);
  CHECK(decoded(*codec_of("q5_0", {}), encoded("q5_0", ramp())) == ramp());
  // Bytes: fifth bits 0 for codes 0 to 15, 1 for 16 to 31; nibbles j | j << 4.
  const EncodedBlock block = encoded("q5_0", ramp());
  CHECK(static_cast<int>(block.packed[0]) == 0);
  CHECK(static_cast<int>(block.packed[3]) == 255);
  CHECK(static_cast<int>(block.packed[4 + 3]) == 0x33);
  // q4_0: d = 2; 15 / 2 + 8.5 = 16 becomes 15, so that the far end decodes to 14. A half goes up: -15 / 2 + 8.5 = 1.
  const auto q4 = codes("q4_0", ramp());
  CHECK(q4.front() == 0);
  CHECK(q4[1] == 1);
  CHECK(q4.back() == 15);
  CHECK(decoded(*codec_of("q4_0", {}), encoded("q4_0", ramp())).back() == 14.0f);
  // q5_1: d = 31 / 31 = 1, m = -16.
  CHECK(encoded("q5_1", ramp()).zero == std::vector<float>{-16.0f});
  CHECK(codes("q5_1", ramp()) == q5);
  // q8_0: halves away from zero. d = 127 / 127 = 1.
  std::vector<float> halves(32, 0.0f);
  halves[0] = 127, halves[1] = 2.5f, halves[2] = -2.5f, halves[3] = 0.49f, halves[4] = -0.5f;
  const auto q8 = codes("q8_0", halves);
  CHECK(std::vector<int32_t>(q8.begin(), q8.begin() + 6) == std::vector<int32_t>{127, 3, -3, 0, -1, 0});
}

TEST_CASE("ggml: iq4_nl by hand", "[codecs][ggml]") {
  // The sixteen steps themselves, twice; the farthest is -127, so d0 = 1, every code is exact and d stays 1.
  const float steps[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  std::vector<float> values(32);
  for (size_t j = 0; j < 32; ++j) values[j] = steps[j % 16];
  const auto own = codes("iq4_nl", values);
  for (int32_t j = 0; j < 32; ++j) CHECK(own[static_cast<size_t>(j)] == j % 16);
  CHECK(encoded("iq4_nl", values).scale == std::vector<float>{1.0f});
  CHECK(decoded(*codec_of("iq4_nl", {}), encoded("iq4_nl", values)) == values);

  // One value: 254 = -127 * d0 with d0 = -2, code 0; x^2 v x / x^2 v^2 = x / v = -2. Zeros: 0 lies nearest to 1, code 8.
  std::vector<float> lone(32, 0.0f);
  lone[5] = 254;
  const auto found = codes("iq4_nl", lone);
  CHECK(found[5] == 0);
  CHECK(found[6] == 8);
  CHECK(encoded("iq4_nl", lone).scale == std::vector<float>{-2.0f});
  CHECK(decoded(*codec_of("iq4_nl", {}), encoded("iq4_nl", lone))[6] == -2.0f);  // a zero does not stay zero

  // Least squares move d: -127 and 120 (code 15, step 113), weights 127^2 and 120^2.
  std::vector<float> two(32, 0.0f);
  two[0] = -127, two[1] = 120;
  const double weights[] = {127.0 * 127, 120.0 * 120};
  const double d = (weights[0] * 127 * 127 + weights[1] * 113 * 120) / (weights[0] * 127 * 127 + weights[1] * 113 * 113);
  CHECK(encoded("iq4_nl", two).scale[0] == round_to(Dtype::float16, static_cast<float>(d)));

  // A tie between -10 and 1 is at -4.5: the upper step.
  std::vector<float> tie(32, 0.0f);
  tie[0] = -127, tie[1] = -4.5f;
  CHECK(codes("iq4_nl", tie)[1] == 8);
}

TEST_CASE("ggml: what a block cannot hold", "[codecs][ggml]") {
  for (const char* name : {"q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"}) {
    INFO(name);
    const auto codec = codec_of(name, {});
    CHECK_THROWS_AS(codec->encode(std::vector<float>(80), {1, 1, 1, 80}, Dtype::float16), UserError);
    // All zero: d is 0, and zero is exact.
    CHECK(decoded(*codec, encoded(name, std::vector<float>(32))) == std::vector<float>(32));
    std::vector<float> poisoned = ramp();
    poisoned[7] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(encoded(name, poisoned).scale[0]));
    CHECK(std::isinf(codec->error_bound(poisoned, one_block, Dtype::float32)));
    // d beyond float16.
    std::vector<float> vast(32, 1e8f);
    vast[3] = -1e8f;
    CHECK(std::isinf(codec->error_bound(vast, one_block, Dtype::float32)));
  }
}

}  // namespace kvdiff::test
