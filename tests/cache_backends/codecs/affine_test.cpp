// quanto, KIVI and LMDeploy worked by hand; whole tensors are held to fixtures in peers_fixture_test.cpp.
#include <cmath>
#include <limits>

#include "cache_backends/error.h"
#include "cache_backends/kv_cache.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

std::unique_ptr<Codec> kivi(const std::string& bits, const std::string& group, Side side) {
  return find_codec("kivi").make({"kivi", {{"bits", bits}, {"group", group}}}, side);
}

const std::vector<float> ramp = {0, 1, 2, 3, 4, 5, 6, 7};
const std::vector<int32_t> ramp_codes = {0, 2, 4, 6, 9, 11, 13, 15};

}  // namespace

TEST_CASE("affine codecs: a ramp has the same codes in all of them", "[codecs][quanto][kivi]") {
  const BlockShape row = {1, 1, 1, 8}, column = {1, 1, 8, 1};
  const auto quanto = codec_of("quanto", {{"group", "8"}});
  const auto columns = codec_of("quanto", {{"group", "8"}, {"axis", "-1"}});
  const auto lmdeploy = codec_of("int4", {{"scheme", "lmdeploy"}});
  CHECK(columns->codes(columns->encode(ramp, column, Dtype::float32)) == ramp_codes);
  CHECK(lmdeploy->codes(lmdeploy->encode(ramp, row, Dtype::float32)) == ramp_codes);
  CHECK(kivi("4", "8", Side::value)->codes(kivi("4", "8", Side::value)->encode(ramp, row, Dtype::float32)) == ramp_codes);
  CHECK(kivi("4", "8", Side::key)->codes(kivi("4", "8", Side::key)->encode(ramp, column, Dtype::float32)) == ramp_codes);
  // Two groups, so that the one-group rule of quanto does not apply.
  std::vector<float> twice = ramp;
  twice.insert(twice.end(), ramp.begin(), ramp.end());
  const auto codes = quanto->codes(quanto->encode(twice, {1, 1, 2, 8}, Dtype::float32));
  CHECK(std::equal(ramp_codes.begin(), ramp_codes.end(), codes.begin()));
  CHECK(std::equal(ramp_codes.begin(), ramp_codes.end(), codes.begin() + 8));
}

TEST_CASE("quanto: packing, groups and the one group", "[codecs][quanto]") {
  // Two groups of two at 4 bits: byte i holds row 0 low, row 1 high. Codes of {0, 15} and {15, 0}: 0xf0, 0x0f.
  const auto codec = codec_of("quanto", {{"group", "2"}});
  const EncodedBlock block = codec->encode(std::vector<float>{0, 15, 15, 0}, {1, 1, 2, 2}, Dtype::float32);
  CHECK(static_cast<int>(block.packed[0]) == 0xf0);
  CHECK(static_cast<int>(block.packed[1]) == 0x0f);
  CHECK(block.scale == std::vector<float>{1, 1});
  // A block of one group has a scale of 0 and a shift for every value, and is exact.
  const EncodedBlock lone = codec->encode(std::vector<float>{0.3f, -7}, {1, 1, 1, 2}, Dtype::float32);
  CHECK(lone.scale == std::vector<float>{0, 0});
  CHECK(lone.zero == std::vector<float>{-0.3f, 7});
  CHECK(decoded(*codec, lone) == std::vector<float>{0.3f, -7});
  // Channels: group (channel 0) holds tokens 0 and 1, then 2 and 3; a fifth token is a shorter group behind them.
  const auto channels = codec_of("quanto", {{"group", "2"}, {"axis", "-1"}});
  const EncodedBlock columns = channels->encode(std::vector<float>{1, 10, 2, 20, 3, 30, 5, 50, 7, 70}, {1, 1, 5, 2}, Dtype::float32);
  CHECK(columns.zero == std::vector<float>{-1, -3, -10, -30, -7, -70});
  CHECK(channels->peer_verdict({1, 1, 5, 2}).message == "Group size (2) must be a divisor of (5)");
  CHECK(channels->peer_verdict({1, 1, 4, 2}).message.empty());
  CHECK_THROWS_AS(parse_cache_spec("quanto:axis=-1,schedule=immediate"), UserError);
  CHECK_THROWS_AS(parse_cache_spec("quanto:axis=1"), UserError);
}

TEST_CASE("quanto: a range that overflows float16 is said to have no bound", "[codecs][quanto]") {
  const auto codec = codec_of("quanto", {{"group", "2"}});
  const std::vector<float> wide = {-60000, 60000, 0, 1};
  CHECK(std::isinf(codec->error_bound(wide, {1, 1, 2, 2}, Dtype::float16)));
  CHECK(std::isnan(decoded(*codec, codec->encode(wide, {1, 1, 2, 2}, Dtype::float16))[0]));
  CHECK(std::isfinite(codec->error_bound(wide, {1, 1, 2, 2}, Dtype::float32)));
}

TEST_CASE("kivi: codes lie along the tokens of a channel, and the channels of a token", "[codecs][kivi]") {
  // 2 bits, little end first: tokens 0, 1, 2, 3 of channel 0 have codes 0, 1, 2, 3, those of channel 1 the reverse.
  const std::vector<float> values = {0, 3, 1, 2, 2, 1, 3, 0};
  const BlockShape shape = {1, 1, 4, 2};
  const EncodedBlock keys = kivi("2", "4", Side::key)->encode(values, shape, Dtype::float16);
  REQUIRE(keys.packed.size() == 2);
  CHECK(static_cast<int>(keys.packed[0]) == 0b11100100);
  CHECK(static_cast<int>(keys.packed[1]) == 0b00011011);
  CHECK(keys.scale == std::vector<float>{1, 1});
  // Values: groups of two channels, a minimum for every token.
  const EncodedBlock side = kivi("2", "2", Side::value)->encode(values, shape, Dtype::float16);
  CHECK(side.zero == std::vector<float>{0, 1, 1, 0});
  CHECK(static_cast<int>(side.packed[0]) == 0b1100);
  CHECK(decoded(*kivi("2", "2", Side::value), side) == values);
  // A constant group divides 0 by 0 and survives.
  CHECK(decoded(*kivi("4", "4", Side::key), kivi("4", "4", Side::key)->encode(std::vector<float>(8, 2.5f), shape, Dtype::float16)) ==
        std::vector<float>(8, 2.5f));
}

// KIVI, models/llama_kivi.py: of a prompt of N the keys [0, N - N % R) and the values [0, N - R) are encoded; then keys a
// block of R when R have gathered, values the oldest whenever there are more than R.
TEST_CASE("kivi: the residual windows of keys and values", "[codecs][kivi]") {
  const CacheShape shape = {1, 1, 2, 32, Dtype::float16};
  for (const int64_t prompt : {1, 31, 32, 33, 64, 100}) {
    const auto cache = make_cache(parse_cache_spec("kivi:residual=32"), shape);
    int64_t held = 0;
    for (int64_t fresh = prompt; held < prompt + 70; fresh = 1) {
      const std::vector<float> values(static_cast<size_t>(fresh * 2 * 32), 1.0f);
      cache->append(0, {values, values, fresh});
      held += fresh;
      const Receipt receipt = cache->receipt();
      INFO("prompt " << prompt << ", held " << held);
      CHECK(receipt.key[0].tokens_quantized == held - held % 32);
      CHECK(receipt.value[0].tokens_quantized == std::max<int64_t>(0, held - 32));
      CHECK(receipt.key[0].largest_requantized <= 1);
    }
  }
}

TEST_CASE("lmdeploy: halves up, and a constant group has no finite value", "[codecs][lmdeploy]") {
  const auto codec = codec_of("int4", {{"scheme", "lmdeploy"}});
  const BlockShape shape = {1, 1, 1, 4};
  // scale 1, zero 0: 2.5 becomes 3. Low nibbles first half, high nibbles second.
  const EncodedBlock block = codec->encode(std::vector<float>{0, 15, 2.5f, 2.25f}, shape, Dtype::float16);
  CHECK(codec->codes(block) == std::vector<int32_t>{0, 15, 3, 2});
  CHECK(static_cast<int>(block.packed[0]) == 0x30);
  CHECK(static_cast<int>(block.packed[1]) == 0x2f);
  const std::vector<float> constant(4, 2.0f);
  for (const float value : decoded(*codec, codec->encode(constant, shape, Dtype::float16))) CHECK(std::isnan(value));
  CHECK(std::isinf(codec->error_bound(constant, shape, Dtype::float16)));
  CHECK_THROWS_AS(codec_of("int8", {{"scheme", "lmdeploy"}, {"per", "tensor"}}), UserError);
  CHECK_THROWS_AS(codec_of("int8", {{"scheme", "lmdeploy"}, {"round", "away"}}), UserError);
}

}  // namespace kvdiff::test
