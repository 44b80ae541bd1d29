#include "cache_backends/kernels/simd.h"
#include "tests/cache_backends/codecs/fixture.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

struct Case {
  const nlohmann::json& row;
  Dtype dtype;
  BlockShape shape;
  std::unique_ptr<Codec> codec;

  explicit Case(const nlohmann::json& json) : row(json), dtype(parse_dtype(json.at("dtype").get<std::string>())) {
    shape = {row["shape"][0], row["shape"][1], row["shape"][2], row["shape"][3]};
    codec = codec_of("hqq", {{"bits", number("bits")},
                             {"group", number("group")},
                             {"axis", number("axis")},
                             {"solver", row.at("solver")},
                             {"solver_dtype", row.at("solver_dtype")}});
  }
  std::string number(const char* key) const { return std::to_string(row.at(key).get<int>()); }
  std::string name() const {
    nlohmann::json shown = row;
    for (const char* key : {"input", "codes", "packed", "scale", "zero", "dequantized"}) shown.erase(key);
    return shown.dump();
  }
};

// The peer's cast of NaN to int32 sets bit 31 of a word, which no code uses; ours is code 0.
std::vector<uint8_t> without_unused_bits(std::vector<uint8_t> packed, int bits) {
  if (bits == 3)
    for (size_t i = 3; i < packed.size(); i += 4) packed[i] &= 0x3f;
  return packed;
}

}  // namespace

TEST_CASE("hqq: codes, packed bytes and scales are the peer's, zeros nearly all", "[codecs][hqq][fixtures]") {
  const Fixture fixture = read_fixture("hqq.fixture", "hqq", "0.2.8.post1");
  int64_t zeros = 0, zeros_differ = 0, cases = 0;
  for (const auto& row : fixture.header.at("cases")) {
    const Case one(row);
    INFO(one.name());
    const EncodedBlock block = one.codec->encode(fixture.floats(row["input"], one.dtype), one.shape, one.dtype);

    const std::vector<uint8_t> peer_codes = fixture.bytes(row["codes"]);
    const std::vector<int32_t> codes = one.codec->codes(block);
    CHECK(std::equal(codes.begin(), codes.end(), peer_codes.begin(), peer_codes.end()));
    if (!row["packed"].is_null())
      CHECK(plain(block.packed) == without_unused_bits(fixture.bytes(row["packed"]), row["bits"]));
    CHECK(differing(block.scale, fixture.floats(row["scale"], one.dtype)) == 0);

    const int64_t differ = differing(block.zero, fixture.floats(row["zero"], one.dtype));
    if (row["solver"].get<std::string>().starts_with("off")) CHECK(differ == 0);
    zeros_differ += differ;
    zeros += static_cast<int64_t>(block.zero.size());
    ++cases;
  }
  CHECK(cases >= 100);
  INFO(zeros_differ << " of " << zeros << " zeros differ");
  CHECK(zeros_differ * 50 <= zeros);  // at most 2 %: the price of a power that is the same on every machine
}

TEST_CASE("hqq: zeros that differ do so in their last bits", "[codecs][hqq][fixtures]") {
  const Fixture fixture = read_fixture("hqq.fixture", "hqq", "0.2.8.post1");
  double largest = 0;  // in steps, since a zero is counted in codes
  for (const auto& row : fixture.header.at("cases")) {
    const Case one(row);
    const EncodedBlock block = one.codec->encode(fixture.floats(row["input"], one.dtype), one.shape, one.dtype);
    const std::vector<float> peer = fixture.floats(row["zero"], one.dtype);
    for (size_t i = 0; i < peer.size(); ++i)
      if (std::isfinite(peer[i])) largest = std::max(largest, std::fabs(double{peer[i]} - block.zero[i]));
  }
  CHECK(largest < 0.004);
}

TEST_CASE("hqq: the peer's own block decodes to the peer's values", "[codecs][hqq][fixtures]") {
  const Fixture fixture = read_fixture("hqq.fixture", "hqq", "0.2.8.post1");
  for (const auto& row : fixture.header.at("cases")) {
    const Case one(row);
    INFO(one.name());
    EncodedBlock block = one.codec->encode(fixture.floats(row["input"], one.dtype), one.shape, one.dtype);
    block.scale = fixture.floats(row["scale"], one.dtype);
    block.zero = fixture.floats(row["zero"], one.dtype);
    CHECK(fnv1a(decoded(*one.codec, block)) == row["dequantized"]);
  }
}

}  // namespace kvdiff::test
