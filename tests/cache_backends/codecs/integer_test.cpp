#include <cmath>
#include <limits>

#include "cache_backends/error.h"
#include "cache_backends/kernels/integer.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
using Values = std::map<std::string, std::string>;

std::vector<int32_t> codes_of(const char* name, const Values& keys, const std::vector<float>& values,
                              const BlockShape& shape) {
  const auto codec = codec_of(name, keys);
  return codec->codes(codec->encode(values, shape, Dtype::float32));
}

}  // namespace

TEST_CASE("integers: ties go to even, away from zero, or toward it", "[codecs][integer]") {
  // The largest magnitude is 127, so that the scale is 1 and values are their own codes.
  const std::vector<float> values = {127, 2.5f, -2.5f, 126.7f, 0.5f, -3.5f, 1.49f, -0.49999997f};
  const BlockShape shape = {1, 1, 1, 8};
  CHECK(codes_of("int8", {{"round", "even"}}, values, shape) == std::vector<int32_t>{127, 2, -2, 127, 0, -4, 1, 0});
  CHECK(codes_of("int8", {{"round", "away"}}, values, shape) == std::vector<int32_t>{127, 3, -3, 127, 1, -4, 1, 0});
  CHECK(codes_of("int8", {{"round", "truncate"}}, values, shape) == std::vector<int32_t>{127, 2, -2, 126, 0, -3, 1, 0});
}

TEST_CASE("integers: the scheme with an offset, by hand", "[codecs][integer]") {
  const std::vector<float> values = {-1, 0, 1, 2, 3, 4, 5, 14};
  CHECK(codes_of("int4", {{"scheme", "zero"}}, values, {1, 1, 1, 8}) ==
        std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 15});
  const auto codec = codec_of("int4", {{"scheme", "zero"}});
  const EncodedBlock block = codec->encode(values, {1, 1, 1, 8}, Dtype::float16);
  CHECK(block.scale == std::vector<float>{1});
  CHECK(block.zero == std::vector<float>{-1});
  CHECK(decoded(*codec, block) == values);
  // value d in the low nibble, d + D/2 in the high one
  CHECK(block.packed == std::vector<std::byte>{std::byte{0x40}, std::byte{0x51}, std::byte{0x62}, std::byte{0xf3}});
  const std::vector<float> constant(8, 2.5f);
  CHECK(decoded(*codec, codec->encode(constant, {1, 1, 1, 8}, Dtype::float16)) == constant);
}

TEST_CASE("integers: symmetric 4 bits use -7 to 7, stored with 8 added", "[codecs][integer]") {
  const auto codec = codec_of("int4", {});
  const std::vector<float> values = {7, -7, 0, 3};
  const EncodedBlock block = codec->encode(values, {1, 1, 1, 4}, Dtype::float32);
  CHECK(codec->codes(block) == std::vector<int32_t>{7, -7, 0, 3});
  CHECK(block.packed == std::vector<std::byte>{std::byte{0x8f}, std::byte{0xb1}});
  CHECK(block.zero.empty());
  CHECK(codec->levels() == 16);
}

TEST_CASE("integers: an all-zero row keeps the floor of the scale", "[codecs][integer]") {
  const auto codec = codec_of("int8", {});
  const EncodedBlock block = codec->encode(std::vector<float>(64), {1, 1, 1, 64}, Dtype::float16);
  CHECK(block.scale == std::vector<float>{1e-6f});
  CHECK(decoded(*codec, block) == std::vector<float>(64));
}

TEST_CASE("integers: who shares a scale", "[codecs][integer]") {
  const BlockShape shape = {2, 3, 5, 4};
  const std::vector<float> values = drawn(shape, Dtype::float16, 4);
  const auto scales = [&](const char* per) {
    const auto codec = codec_of("int8", {{"per", per}});
    return codec->encode(values, shape, Dtype::float16).scale;
  };
  const auto largest = [&](auto belongs) {
    float magnitude = 0;
    for (int64_t i = 0; i < shape.elements(); ++i)
      if (belongs(i / 60, i / 20 % 3, i / 4 % 5, i % 4)) magnitude = std::max(magnitude, std::fabs(values[i]));
    return magnitude / 127;
  };
  CHECK(scales("token-head").size() == 30);
  CHECK(scales("token").size() == 10);
  CHECK(scales("channel").size() == 24);
  CHECK(scales("tensor").size() == 1);
  CHECK(scales("token-head")[1 * 15 + 2 * 5 + 4] ==
        largest([](auto b, auto h, auto s, auto) { return b == 1 && h == 2 && s == 4; }));
  CHECK(scales("token")[1 * 5 + 3] == largest([](auto b, auto, auto s, auto) { return b == 1 && s == 3; }));
  CHECK(scales("channel")[12 + 2 * 4 + 1] ==
        largest([](auto b, auto h, auto, auto d) { return b == 1 && h == 2 && d == 1; }));
  CHECK(scales("tensor")[0] == largest([](auto...) { return true; }));
}

TEST_CASE("integers: a frozen scale serves later blocks and clamps what lies beyond", "[codecs][integer]") {
  for (const char* per : {"channel", "tensor"}) {
    const auto codec = codec_of("int8", {{"per", per}, {"scale", "frozen"}});
    CHECK(codec->shares_scale());
    const BlockShape first = {2, 1, 3, 4}, later = {1, 1, 1, 4};
    std::vector<float> prefill(24, 1.0f);
    prefill[5] = -127.0f;
    const auto frozen = codec->frozen(prefill, first, Dtype::float16);
    REQUIRE(frozen != nullptr);
    CHECK(!frozen->shares_scale());
    CHECK(frozen->frozen(prefill, first, Dtype::float16) == nullptr);

    const std::vector<float> values = {0.5f, 300.0f, infinity, nan};
    const EncodedBlock block = frozen->encode(values, later, Dtype::float16);
    const bool per_channel = std::string(per) == "channel";
    CHECK(frozen->codes(block) == (per_channel ? std::vector<int32_t>{64, 127, 127, 0} : std::vector<int32_t>{0, 127, 127, 0}));
    CHECK(decoded(*frozen, block)[1] == 127.0f);
    CHECK(decoded(*frozen, block)[3] == 0.0f);
    CHECK(block.scale.empty());
    CHECK(frozen->bytes(block) == frozen->expected_bytes(later, Dtype::float16));
    CHECK(frozen->shared_bytes().scales == (per_channel ? 16 : 4));
    const std::vector<float> beyond = {0, 300, 0, 0};
    CHECK(frozen->error_bound(beyond, later, Dtype::float16) >= 173.0);
    CHECK(frozen->error_bound(beyond, later, Dtype::float16) < 175.0);
  }
  CHECK(codec_of("int8", {{"per", "channel"}})->shares_scale());
  CHECK(codec_of("int8", {})->frozen(std::vector<float>(4), {1, 1, 1, 4}, Dtype::float16) == nullptr);
  CHECK_THROWS_AS(codec_of("int8", {{"scale", "frozen"}}), UserError);
}

TEST_CASE("integers: what is not finite spoils its own scale and no other", "[codecs][integer]") {
  for (const char* name : {"int8", "int4"})
    for (const char* scheme : {"symmetric", "zero"})
      for (const float strange : {infinity, -infinity, nan}) {
        INFO(name << " " << scheme << " " << strange);
        std::vector<float> values = drawn({1, 1, 3, 8}, Dtype::float16, 9);
        values[12] = strange;
        const auto codec = codec_of(name, {{"scheme", scheme}});
        const std::vector<float> back = decoded(*codec, codec->encode(values, {1, 1, 3, 8}, Dtype::float16));
        for (size_t i = 0; i < values.size(); ++i) CHECK(std::isnan(back[i]) == (i / 8 == 1));
        CHECK(codec->error_bound(values, {1, 1, 3, 8}, Dtype::float16) == infinity);
      }
}

TEST_CASE("integers: truncation shows an error that rounding cannot", "[codecs][integer]") {
  const BlockShape shape = {1, 2, 9, 64};
  const std::vector<float> values = drawn(shape, Dtype::float32, 12);
  const auto error = [&](const char* round) {
    const auto codec = codec_of("int8", {{"round", round}});
    const std::vector<float> back = decoded(*codec, codec->encode(values, shape, Dtype::float32));
    double largest = 0;
    for (size_t i = 0; i < values.size(); ++i) largest = std::max(largest, std::fabs(double{back[i]} - values[i]));
    return largest;
  };
  const double bound = codec_of("int8", {})->error_bound(values, shape, Dtype::float32);
  CHECK(error("even") <= bound);
  CHECK(error("away") <= bound);
  CHECK(error("truncate") > 1.5 * bound);
}

}  // namespace kvdiff::test
