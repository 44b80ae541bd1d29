// Blocks as the peers' packages encoded them (fixtures/make_*_fixtures.py), bit for bit.
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "cache_backends/cache_spec.h"
#include "cache_backends/fp8.h"
#include "tests/cache_backends/codecs/fixture.h"
#include "tests/cache_backends/codecs/inputs.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

namespace kvdiff::test {
namespace {

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

TEST_CASE("ggml: blocks are gguf's, bit for bit", "[codecs][ggml][fixtures]") { check_all("ggml.fixture", "gguf", "0.19.0", 45); }

TEST_CASE("hf-fp8: what transformers' fp8 backend holds and reads, bit for bit", "[codecs][fp8][fixtures]") {
  check_all("fp8.fixture", "transformers", "5.23.0", 9);
}

TEST_CASE("kivi, lmdeploy: the formulas in torch's operations, bit for bit", "[codecs][kivi][fixtures]") {
  check_all("formulas.fixture", "torch", "2.13.0", 28);
}

TEST_CASE("fp8: every float16 and bfloat16 becomes torch's code", "[codecs][fp8][fixtures]") {
  const Fixture fixture = read_fixture("fp8.fixture", "transformers", "5.23.0");
  CHECK(fixture.header.at("tables").size() == 4);
  for (const auto& table : fixture.header.at("tables")) {
    const std::vector<uint8_t> codes = fixture.bytes(table.at("codes"));
    REQUIRE(codes.size() == 65536);
    const bool half = table.at("from") == "float16", e4m3 = table.at("to") == "e4m3";
    int64_t differ = 0;
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      const auto word = static_cast<uint16_t>(bits);
      const float value = half ? from_float16_bits(word) : from_bfloat16_bits(word);
      differ += (e4m3 ? e4m3_bits(value) : e5m2_bits(value)) != codes[bits];
    }
    INFO(table.at("from") << " to " << table.at("to"));
    CHECK(differ == 0);
  }
}

TEST_CASE("fixtures: missing, altered, cut and of another version are told apart", "[codecs][fixtures]") {
  const std::string original = std::string(KVDIFF_SOURCE_DIR) + "/tests/cache_backends/codecs/fixtures/ggml.fixture";
  std::ifstream file(original, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const TemporaryFolder folder;
  const auto message = [&](const std::string& content, const std::string& version) {
    const std::string path = (folder / "ggml.fixture").string();
    std::ofstream(path, std::ios::binary) << content;
    try {
      read_fixture_file(path, "gguf", version);
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto says = [](const std::string& text, const std::string& part) {
    INFO(text);
    return text.find(part) != std::string::npos && text.find("ggml.fixture") != std::string::npos &&
           text.find("Make it again with gguf") != std::string::npos;
  };
  CHECK(message(bytes, "0.19.0").empty());
  std::string altered = bytes;
  altered[altered.size() - 5] = static_cast<char>(altered[altered.size() - 5] ^ 1);
  CHECK(says(message(altered, "0.19.0"), "digest"));
  CHECK(says(message(bytes.substr(0, bytes.size() - 1), "0.19.0"), "digest"));
  CHECK(says(message(bytes, "0.20.0"), "was made by"));
  CHECK(says(message("no JSON\n", "0.19.0"), "does not begin"));
  std::string gone;
  try {
    read_fixture_file((folder / "gone/ggml.fixture").string(), "gguf", "0.19.0");
  } catch (const std::runtime_error& error) {
    gone = error.what();
  }
  CHECK(says(gone, "cannot be read"));
}

}  // namespace kvdiff::test
