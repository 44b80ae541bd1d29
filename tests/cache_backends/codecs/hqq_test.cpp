#include <cmath>
#include <cstring>
#include <limits>

#include "cache_backends/codecs/hqq_packing.h"
#include "cache_backends/error.h"
#include "cache_backends/kernels/hqq.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

#include "cache_backends/kernels/rounding.inc"

constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> round_trip(const std::map<std::string, std::string>& values, const std::vector<float>& input,
                              Dtype dtype = Dtype::float16) {
  const auto codec = codec_of("hqq", values);
  return decoded(*codec, codec->encode(input, {1, 1, 1, static_cast<int64_t>(input.size())}, dtype));
}

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

}  // namespace

TEST_CASE("hqq: a group worked by hand", "[codecs][hqq]") {
  const std::vector<float> input = {0, 1, 2, 3, 4, 5, 6, 7};
  const auto codec = codec_of("hqq", {{"group", "8"}, {"axis", "1"}, {"solver", "off"}});
  const EncodedBlock block = codec->encode(input, {1, 1, 1, 8}, Dtype::float32);
  CHECK(codec->codes(block) == std::vector<int32_t>{0, 2, 4, 6, 9, 11, 13, 15});
  CHECK(block.scale[0] == Approx(7.0 / 15.0));
  CHECK(block.zero[0] == 0.0f);
  const std::vector<float> expected = {0, .9333333f, 1.8666667f, 2.8f, 4.2f, 5.1333333f, 6.0666667f, 7};
  const std::vector<float> back = decoded(*codec, block);
  for (size_t i = 0; i < 8; ++i) CHECK(back[i] == Approx(expected[i]));
}

TEST_CASE("hqq: the first half of the rows lies in the high bits", "[codecs][hqq]") {
  const auto packed = [](int bits, int64_t rows, const std::vector<uint8_t>& codes) {
    return pack({rows, 1, bits}, codes);
  };
  CHECK(packed(8, 2, {1, 2}) == std::vector<std::byte>{std::byte{1}, std::byte{2}});
  CHECK(packed(4, 2, {1, 2}) == std::vector<std::byte>{std::byte{0x12}});
  CHECK(packed(4, 3, {1, 2, 3}) == std::vector<std::byte>{std::byte{0x13}, std::byte{0x20}});  // padded by us
  CHECK(packed(2, 4, {0, 1, 2, 3}) == std::vector<std::byte>{std::byte{0x1b}});
  CHECK(packed(1, 8, {1, 0, 0, 0, 0, 0, 1, 1}) == std::vector<std::byte>{std::byte{0x83}});
  uint32_t word;
  const std::vector<std::byte> three = packed(3, 10, {1, 2, 3, 4, 5, 6, 7, 0, 1, 2});
  REQUIRE(three.size() == 4);
  std::memcpy(&word, three.data(), 4);
  CHECK(word == 0b001'010'011'100'101'110'111'000'001'010u);
  for (const int bits : {1, 2, 3, 4, 8}) {
    std::vector<uint8_t> codes(7 * 5);
    for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>(i * 37 & ((1u << bits) - 1));
    CHECK(unpack({7, 5, bits}, pack({7, 5, bits}, codes)) == codes);
  }
}

TEST_CASE("hqq: axis 0 strides over the tensor, axis 1 runs along it", "[codecs][hqq]") {
  const BlockShape shape = {1, 2, 3, 64};
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const int64_t stride = shape.elements() / 64;
  const auto zero_of = [&](const char* axis, int group) {  // -zero * scale is the group's smallest value
    const auto codec = codec_of("hqq", {{"bits", "8"}, {"axis", axis}, {"solver", "off"}});
    const EncodedBlock block = codec->encode(values, shape, Dtype::float32);
    return -block.zero[group] * block.scale[group];
  };
  for (int group = 0; group < stride; ++group) CHECK(zero_of("0", group) == Approx(group));
  for (int group = 0; group < stride; ++group) CHECK(zero_of("1", group) == Approx(64 * group));
}

TEST_CASE("hqq: groups that bring trouble", "[codecs][hqq]") {
  for (const char* solver : {"on", "off", "0.2.6", "main"}) {
    for (const char* bits : {"2", "4", "8"}) {
      INFO(solver << " " << bits);
      const std::map<std::string, std::string> keys = {
          {"group", "8"}, {"axis", "1"}, {"bits", bits}, {"solver", solver}};
      const std::vector<float> constant(8, -3.25f);
      if (std::string(solver) != "0.2.6") CHECK(round_trip(keys, constant) == constant);

      std::vector<float> tiny(8, 1.0f);
      tiny[3] = 1.0f + 5e-5f;
      for (const float value : round_trip(keys, tiny, Dtype::float32)) CHECK(std::fabs(value - 1.0f) <= 1e-4f);

      std::vector<float> outlier = {1, -1, .5f, 200, -.5f, 1, 0, -1};
      const auto codec = codec_of("hqq", keys);
      const auto codes = codec->codes(codec->encode(outlier, {1, 1, 1, 8}, Dtype::float16));
      CHECK(codes[3] == codec->levels() - 1);
      CHECK(codes[0] - codes[1] <= 3);  // the others share the few lowest codes
    }
  }
}

TEST_CASE("hqq: a narrow group far from zero overflows a float16 zero at 8 bits, as the peer's does", "[codecs][hqq]") {
  std::vector<float> values(64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 300.0f + 0.25f * static_cast<float>(i % 3);
  const auto codec = codec_of("hqq", {{"bits", "8"}, {"axis", "1"}, {"solver", "off"}});
  const EncodedBlock block = codec->encode(values, {1, 1, 1, 64}, Dtype::float16);
  CHECK(block.zero[0] == -infinity);
  for (const float value : decoded(*codec, block)) CHECK(!std::isfinite(value));
  CHECK(codec->error_bound(values, {1, 1, 1, 64}, Dtype::float16) == infinity);
  CHECK(all_finite(round_trip({{"bits", "8"}, {"axis", "1"}, {"solver", "off"}}, values, Dtype::bfloat16)));
  CHECK(all_finite(round_trip({{"bits", "4"}, {"axis", "1"}, {"solver", "off"}}, values)));
}

TEST_CASE("hqq: infinities and NaN stay in their group, but stop the solver for all", "[codecs][hqq]") {
  for (const float strange : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> values = drawn({1, 1, 4, 64}, Dtype::float16, 3);
    values[70] = strange;
    const std::vector<float> back = round_trip({{"axis", "1"}}, values);
    for (size_t i = 0; i < values.size(); ++i) CHECK(std::isfinite(back[i]) == (i / 64 != 1));
    const auto codec = codec_of("hqq", {{"axis", "1"}});
    CHECK(codec->error_bound(values, {1, 1, 4, 64}, Dtype::float16) == infinity);
  }
}

TEST_CASE("hqq: a group that does not divide is the user's mistake", "[codecs][hqq]") {
  const auto codec = codec_of("hqq", {{"group", "48"}});
  const std::vector<float> values(64);
  CHECK_THROWS_AS(codec->encode(values, {1, 1, 1, 64}, Dtype::float16), UserError);
  CHECK_THROWS_AS(codec_of("hqq", {{"bits", "5"}}), UserError);
  CHECK_THROWS_AS(codec_of("hqq", {{"group", "0"}}), UserError);
  CHECK_THROWS_AS(codec_of("hqq", {{"group", "64x"}}), UserError);
}

TEST_CASE("hqq: a fused product is the same bits as a call and as an instruction", "[codecs][hqq]") {
  std::mt19937 random(4);
  std::uniform_real_distribution<float> uniform(-30.0f, 30.0f);
  std::vector<float> values(64 * 40), scale(40, 0.25f);
  for (float& value : values) value = uniform(random);
  for (const bool half : {false, true}) {
    const auto turn = [&](const HqqKernels& kernels) {
      std::vector<float> zero(40, 7.5f), scratch(4096);
      const HqqMatrix matrix = {values.data(), 64, 40, 0};
      zero.push_back(kernels.solve(matrix, {scale.data(), zero.data(), 15.0f, 0.1f, negligible_error(0.1), half, scratch.data()}));
      return zero;
    };
    CHECK(turn(hqq_kernels_without_fma()) == turn(hqq_kernels(Simd::scalar)));
    CHECK(turn(hqq_kernels_without_fma()) == turn(hqq_kernels(best_simd())));
  }
}

TEST_CASE("hqq: the power is within 1.3 units in the last place", "[codecs][hqq]") {
  std::mt19937 random(2);
  std::vector<float> values, powers(20000);
  for (size_t i = 0; i < powers.size(); ++i) values.push_back(std::ldexp(1.0f + uniform(random), static_cast<int>(random() % 60) - 30));
  hqq_kernels(Simd::scalar).power(values.data(), static_cast<int64_t>(values.size()), false, powers.data());
  double largest = 0;
  for (size_t i = 0; i < powers.size(); ++i) {
    const double exact = std::pow(double{values[i]}, double{-0.3f});
    const double unit = std::ldexp(1.0, std::ilogb(exact) - 23);
    largest = std::max(largest, std::fabs(powers[i] - exact) / unit);
  }
  CHECK(largest < 1.3);
}

TEST_CASE("kernels: roundings equal the conversions of dtype.h", "[codecs][kernels]") {
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 4093) {
    const float value = float_of(static_cast<uint32_t>(bits));
    if (std::isnan(value)) {
      CHECK(std::isnan(half_of(value)));
      continue;
    }
    REQUIRE(bits_of(half_of(value)) == bits_of(round_to(Dtype::float16, value)));
    REQUIRE(bits_of(bfloat_of(value)) == bits_of(round_to(Dtype::bfloat16, value)));
  }
  for (const float value : {65504.0f, 65519.99f, 65520.0f, 65536.0f, 131072.0f, infinity, 0x1p-24f, 0x1p-25f, 0x1.8p-25f})
    for (const float sign : {1.0f, -1.0f}) CHECK(half_of(sign * value) == round_to(Dtype::float16, sign * value));
}

// Each verdict as hqq 0.2.8.post1 gave it when asked (3 KV heads, head size 64, group 64).
TEST_CASE("hqq: what the peer would have done", "[codecs][hqq]") {
  const auto verdict = [](const BlockShape& shape, int bits, int64_t group, int axis) {
    return hqq_verdict(shape, bits, group, axis);
  };
  for (const int64_t tokens : {1, 7, 8, 9}) {
    for (const int axis : {0, 1}) CHECK(verdict({1, 3, tokens, 64}, 8, 64, axis).message.empty());
    for (const int bits : {1, 2, 3, 4}) CHECK(verdict({1, 3, tokens, 64}, bits, 64, 0).message.empty());
    for (const int bits : {1, 2, 4}) CHECK(verdict({1, 3, tokens, 64}, bits, 64, 1).raises == (tokens % (8 / bits) != 0));
  }
  const PeerVerdict odd = verdict({1, 3, 49, 64}, 4, 64, 1);
  CHECK(odd.message == "The size of tensor a (73) must match the size of tensor b (74) at non-singleton dimension 0");
  CHECK(!odd.at_dequantize);
  const PeerVerdict three = verdict({1, 3, 1, 64}, 4, 64, 1);  // (1, 64) | (2, 64) broadcasts
  CHECK((three.raises && three.at_dequantize));
  CHECK(verdict({1, 3, 6, 64}, 3, 64, 1).at_dequantize);
  CHECK(verdict({1, 1, 1, 100}, 4, 64, 0).message ==
        "group_size should be divisble by the total tensor dimensions. shape: torch.Size([1, 1, 1, 100]), group_size: 64");
  const PeerVerdict wrong = verdict({1, 8, 4, 16}, 3, 8, 1);  // B * H / group = 1 row stands for 64
  CHECK((wrong.silently_wrong && !wrong.raises));
}

}  // namespace kvdiff::test
