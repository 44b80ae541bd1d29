// Blocks as the peers' packages encoded them (fixtures/make_*_fixtures.py), bit for bit.
#include <cstring>

#include "cache_backends/cache_spec.h"
#include "tests/cache_backends/codecs/fixture.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

std::vector<uint8_t> plain(const std::vector<std::byte>& packed) {
  std::vector<uint8_t> bytes(packed.size());
  if (!bytes.empty()) std::memcpy(bytes.data(), packed.data(), bytes.size());
  return bytes;
}

int64_t differing(const std::vector<float>& left, const std::vector<float>& right) {
  if (left.size() != right.size()) return static_cast<int64_t>(std::max(left.size(), right.size()));
  int64_t count = 0;
  for (size_t i = 0; i < left.size(); ++i) count += fnv1a({left[i]}) != fnv1a({right[i]});
  return count;
}

std::vector<float> numbers(const Fixture& fixture, const nlohmann::json& row, const std::string& key) {
  if (row.at(key).is_null()) return {};
  return fixture.floats(row.at(key), parse_dtype(row.at(key + "_dtype").get<std::string>()));
}

std::unique_ptr<Codec> codec_of_row(const Fixture& fixture, const nlohmann::json& row, const BlockShape& shape, Dtype dtype) {
  const Side side = row.value("side", "key") == "key" ? Side::key : Side::value;
  const CacheSpec spec = parse_cache_spec(row.at("codec").get<std::string>());
  auto codec = find_codec(spec.base.key.codec).make(spec.base.key, side);
  const auto& first = row.at("frozen").is_null() ? row.at("input") : row.at("frozen");
  auto frozen = codec->frozen(fixture.floats(first, dtype), shape, dtype);
  return frozen ? std::move(frozen) : std::move(codec);
}

void check_row(const Fixture& fixture, const nlohmann::json& row) {
  const auto& sizes = row.at("shape");
  const BlockShape shape = {sizes[0], sizes[1], sizes[2], sizes[3]};
  const Dtype dtype = parse_dtype(row.at("dtype").get<std::string>());
  const auto codec = codec_of_row(fixture, row, shape, dtype);
  const EncodedBlock block = codec->encode(fixture.floats(row.at("input"), dtype), shape, dtype);
  const std::vector<int32_t> codes = codec->codes(block);
  const std::vector<uint8_t> peer_codes = fixture.bytes(row.at("codes"));
  CHECK(std::equal(codes.begin(), codes.end(), peer_codes.begin(), peer_codes.end(),
                   [](int32_t ours, uint8_t theirs) { return static_cast<uint8_t>(ours) == theirs; }));
  CHECK(plain(block.packed) == fixture.bytes(row.at("packed")));
  CHECK(differing(block.scale, numbers(fixture, row, "scale")) == 0);
  CHECK(differing(block.zero, numbers(fixture, row, "zero")) == 0);
  CHECK(fnv1a(decoded(*codec, block)) == row.at("dequantized"));
}

void check_all(const std::string& name, const std::string& package, const std::string& version, size_t least) {
  const Fixture fixture = read_fixture(name, package, version);
  CHECK(fixture.header.at("cases").size() >= least);
  for (const auto& row : fixture.header.at("cases")) {
    INFO(name << ": " << row.at("codec") << " " << row.at("kind") << " " << row.at("dtype") << " " << row.at("shape"));
    check_row(fixture, row);
  }
}

}  // namespace

TEST_CASE("quanto: blocks are the peer's, bit for bit", "[codecs][quanto][fixtures]") {
  check_all("quanto.fixture", "optimum-quanto", "0.2.7", 40);
}

TEST_CASE("quanto: what the peer raises, its type and its words", "[codecs][quanto][fixtures]") {
  const Fixture fixture = read_fixture("quanto.fixture", "optimum-quanto", "0.2.7");
  int64_t raising = 0;
  for (const auto& row : fixture.header.at("verdicts")) {
    const BlockShape shape = {row[0][0], row[0][1], row[0][2], row[0][3]};
    const auto codec = codec_of("quanto", {{"axis", row[1].dump()}, {"group", row[2].dump()}});
    const PeerVerdict verdict = codec->peer_verdict(shape);
    INFO(row.dump());
    CHECK((verdict.message.empty() ? "" : verdict.exception + ": " + verdict.message) == row[3]);
    CHECK(verdict.raises == !verdict.message.empty());
    CHECK_FALSE(verdict.at_dequantize);
    raising += verdict.raises;
  }
  CHECK(raising > 5);
}

}  // namespace kvdiff::test
