// 8-bit floats worked by hand; every 16-bit input is held to torch in peers_fixture_test.cpp.
#include <cmath>
#include <limits>

#include "cache_backends/error.h"
#include "cache_backends/fp8.h"
#include "cache_backends/kv_cache.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
const BlockShape shape = {1, 1, 2, 2};

}  // namespace

TEST_CASE("fp8: codes become themselves again", "[codecs][fp8]") {
  for (int code = 0; code < 256; ++code) {
    const auto byte = static_cast<uint8_t>(code);
    INFO(code);
    const float e4m3 = from_e4m3_bits(byte), e5m2 = from_e5m2_bits(byte);
    CHECK(e4m3_bits(e4m3) == (std::isnan(e4m3) ? 0x7f : code));
    CHECK(e5m2_bits(e5m2) == (std::isnan(e5m2) ? 0x7f : code));
  }
  CHECK(from_e4m3_bits(0x7e) == 448.0f);
  CHECK(from_e4m3_bits(0x01) == 0x1p-9f);
  CHECK(from_e5m2_bits(0x7b) == 57344.0f);
  CHECK(from_e5m2_bits(0x01) == 0x1p-16f);
}

TEST_CASE("fp8: ties, subnormals and the ends", "[codecs][fp8]") {
  CHECK(e4m3_bits(infinity) == 0x7e);
  CHECK(e4m3_bits(-1e30f) == 0xfe);
  CHECK(e4m3_bits(nan) == 0x7f);
  CHECK(e4m3_bits(17.0f) == e4m3_bits(16.0f));  // 16 and 18 are neighbours: to the even code
  CHECK(e4m3_bits(19.0f) == e4m3_bits(20.0f));
  CHECK(e4m3_bits(0x1p-10f) == 0);              // half of the smallest
  CHECK(e4m3_bits(0x1.8p-9f) == 2);
  CHECK(e4m3_bits(-0.0f) == 0x80);
  CHECK(e5m2_bits(61439.0f) == 0x7b);
  CHECK(e5m2_bits(61440.0f) == 0x7c);
  CHECK(e5m2_bits(-infinity) == 0xfc);
}

TEST_CASE("hf-fp8: the first update's scale, and saturation beyond it", "[codecs][fp8]") {
  const auto codec = codec_of("hf-fp8", {})->frozen(std::vector<float>{-896, 1, 2, 3}, shape, Dtype::float16);
  REQUIRE(codec);
  const std::vector<float> back =
      decoded(*codec, codec->encode(std::vector<float>{5000, -infinity, nan, 34}, shape, Dtype::float16));
  CHECK(back[0] == 896.0f);  // the scale is 2
  CHECK(back[1] == -896.0f);
  CHECK(std::isnan(back[2]));
  CHECK(back[3] == 32.0f);   // 17 * 2, a tie
  CHECK(codec->bytes(codec->encode(std::vector<float>(4), shape, Dtype::float16)).total() == 4);
  CHECK(codec->shared_bytes().total() == 4);
  CHECK(codec->error_bound(std::vector<float>{5000, 0, 0, 0}, shape, Dtype::float16) >= 5000 - 896);
}

TEST_CASE("hf-fp8: its schedule has no residual, and reads the newest token from its code", "[codecs][fp8]") {
  const CacheSpec spec = parse_cache_spec("hf-fp8");
  CHECK(spec.lane.schedule == "hf-fp8");
  CHECK(canonical(spec) == "hf-fp8");
  CHECK_THROWS_AS(parse_cache_spec("hf-fp8:residual=1"), UserError);
  CHECK(parse_cache_spec("k=hf-fp8/v=hqq").lane.schedule == "hf");
  CHECK(parse_cache_spec("k=hf-fp8/v=int8").lane.schedule == "immediate");
  const CacheShape one = {1, 1, 1, 2, Dtype::float32};
  const auto cache = make_cache(spec, one);
  const std::vector<float> first = {448, 17}, next = {17, 1000};
  cache->append(0, {first, first, 1});
  CHECK(decoded(cache->pages(0), Side::key, one) == first);  // the prompt as it came
  cache->append(0, {next, next, 1});
  CHECK(decoded(cache->pages(0), Side::key, one) == std::vector<float>{448, 16, 16, 448});
}

TEST_CASE("fp8: what shares a scale, and whence it comes", "[codecs][fp8]") {
  const std::vector<float> values = {448, 17, -224, 8.5f};
  const auto rows = codec_of("fp8", {});
  const EncodedBlock block = rows->encode(values, shape, Dtype::float32);
  CHECK(block.scale == std::vector<float>{1.0f, 0.5f});
  CHECK(decoded(*rows, block) == std::vector<float>{448, 16, -224, 8});
  const auto plain = codec_of("fp8", {{"per", "tensor"}});
  CHECK(decoded(*plain, plain->encode(std::vector<float>{1e4f, infinity, -1e4f, 17}, shape, Dtype::float32)) ==
        std::vector<float>{448, 448, -448, 16});
  const auto wide = codec_of("fp8", {{"per", "tensor"}, {"format", "e5m2"}});
  CHECK(decoded(*wide, wide->encode(std::vector<float>{1e9f, -infinity, 9, 57344}, shape, Dtype::float32)) ==
        std::vector<float>{57344, -57344, 8, 57344});
  // vLLM's calculate_kv_scales: keys / 200, values / 100.
  for (const auto& [side, divisor] : {std::pair{Side::key, 200.0f}, {Side::value, 100.0f}}) {
    const auto frozen = find_codec("fp8").make({"fp8", {{"per", "tensor"}, {"scale", "frozen"}}}, side)
                            ->frozen(std::vector<float>{400, 0, 0, 0}, shape, Dtype::float32);
    const std::vector<float> back = decoded(*frozen, frozen->encode(std::vector<float>{1e4f, 0, 0, 0}, shape, Dtype::float32));
    CHECK(back[0] == 448 * (400 / divisor));
  }
  CHECK_THROWS_AS(codec_of("fp8", {{"scale", "frozen"}}), UserError);
  CHECK_THROWS_AS(parse_cache_spec("fp8:per=tensor,scale=dynamic"), UserError);
}

}  // namespace kvdiff::test
