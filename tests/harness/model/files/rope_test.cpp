#include "harness/model/files/rope.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cache_backends/error.h"
#include "harness/model/files/config.h"
#include "harness/model/files/strict_json.h"
#include "tests/catch.h"

using namespace kvdiff;
using nlohmann::json;

namespace {

json golden() {
  const std::filesystem::path file = KVDIFF_SOURCE_DIR "/tests/harness/model/files/golden/rope_golden.json";
  return parse_strict_json(read_text_file(file, 1'000'000), file.string());
}

float float_of(const json& bits) { return std::bit_cast<float>(bits.get<uint32_t>()); }

// How many float32 values lie between the two; they have one sign, or are both next to zero.
int64_t units_apart(float a, float b) {
  const auto order = [](float value) {
    const auto bits = std::bit_cast<int32_t>(value);
    return bits < 0 ? -int64_t{bits & 0x7fffffff} : int64_t{bits};
  };
  return std::llabs(order(a) - order(b));
}

RopeFrequencies frequencies_of(const ModelConfig& config, int64_t length) {
  if (config.rope.type == RopeType::dynamic) return dynamic_rope_frequencies(config.rope, config.head_size, length);
  return rope_frequencies(config.rope, config.head_size);
}

}  // namespace

// torch's power is within one unit of the correctly rounded one (it differs in about one of eighty on AVX2), the
// reciprocal and a division add one unit at most.
TEST_CASE("rope: inverse frequencies are the peer's", "[modelfiles][rope]") {
  size_t equal = 0;
  size_t all = 0;
  for (const json& entry : golden()) {
    INFO(entry["name"].get<std::string>());
    const ModelConfig config = parse_model_config(entry["config"].dump(), "golden");
    const RopeFrequencies frequencies = frequencies_of(config, entry["length"].get<int64_t>());
    REQUIRE(frequencies.inverse.size() == entry["inverse"].size());
    CHECK(frequencies.attention_factor == float_of(entry["attention_factor"]));
    for (size_t i = 0; i < frequencies.inverse.size(); ++i) {
      INFO(i);
      const float peer = float_of(entry["inverse"][i]);
      CHECK(units_apart(frequencies.inverse[i], peer) <= 2);
      equal += frequencies.inverse[i] == peer;
      ++all;
    }
  }
  INFO(equal << " of " << all);
  CHECK(all == 288);
  CHECK(equal >= 286);
}

// torch's cosine and sine are within one unit of the correctly rounded ones; the attention factor may double that.
TEST_CASE("rope: cosines and sines are the peer's to a unit", "[modelfiles][rope]") {
  for (const json& entry : golden()) {
    INFO(entry["name"].get<std::string>());
    RopeFrequencies frequencies{{}, float_of(entry["attention_factor"])};
    for (const json& bits : entry["inverse"]) frequencies.inverse.push_back(float_of(bits));
    const size_t pairs = frequencies.inverse.size();
    for (size_t row = 0; row < entry["positions"].size(); ++row) {
      const RopeTable table = make_rope_table(frequencies, entry["positions"][row].get<int64_t>(), 1);
      for (size_t i = 0; i < pairs; ++i) {
        CHECK(units_apart(table.cosine[i], float_of(entry["cosine"][row * pairs + i])) <= 2);
        CHECK(units_apart(table.sine[i], float_of(entry["sine"][row * pairs + i])) <= 2);
      }
    }
  }
}

TEST_CASE("rope: a table is rows of positions, whatever its cutting", "[modelfiles][rope]") {
  RopeConfig rope;
  const RopeFrequencies frequencies = rope_frequencies(rope, 8);
  CHECK(frequencies.inverse[0] == 1.0f);
  const RopeTable whole = make_rope_table(frequencies, 0, 50);
  const RopeTable part = make_rope_table(frequencies, 20, 10);
  CHECK(whole.pairs == 4);
  REQUIRE(whole.cosine.size() == 200);
  CHECK(whole.cosine[0] == 1.0f);
  CHECK(whole.sine[0] == 0.0f);
  for (size_t i = 0; i < part.cosine.size(); ++i) {
    CHECK(part.cosine[i] == whole.cosine[80 + i]);
    CHECK(part.sine[i] == whole.sine[80 + i]);
  }
}

TEST_CASE("rope: the angle is rounded to float32 before its cosine", "[modelfiles][rope]") {
  const RopeFrequencies frequencies{{0.1f}, 1.0f};
  const RopeTable table = make_rope_table(frequencies, 2001, 1);
  const float angle = 2001.0f * 0.1f;
  CHECK(table.cosine[0] == static_cast<float>(cosl(angle)));
  CHECK(table.cosine[0] != static_cast<float>(cosl(2001.0L * 0.1f)));
}

TEST_CASE("rope: dynamic depends on the length from max_positions on", "[modelfiles][rope]") {
  RopeConfig rope;
  rope.type = RopeType::dynamic;
  rope.factor = 2.0;
  rope.max_positions = 100;
  const std::vector<float> plain = rope_frequencies(rope, 16).inverse;
  CHECK(dynamic_rope_frequencies(rope, 16, 1).inverse == plain);
  CHECK(dynamic_rope_frequencies(rope, 16, 100).inverse == plain);
  const std::vector<float> longer = dynamic_rope_frequencies(rope, 16, 101).inverse;
  CHECK(longer[0] == plain[0]);
  CHECK(longer[7] < plain[7]);
  CHECK(dynamic_rope_frequencies(rope, 16, 200).inverse[7] < longer[7]);
  CHECK_THROWS_AS(dynamic_rope_frequencies(RopeConfig{}, 16, 200), InternalError);
}
