// Views against those of transformers' QuantizedCache, recorded by make_hf_schedule_fixtures.py (which says what is what),
// and by make_old_schedule_fixtures.py with older versions.
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cache_backends/kv_cache.h"
#include "tests/cache_backends/json_fixture.h"
#include "tests/cache_backends/oracle.h"
#include "tests/catch.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

using Json = nlohmann::json;

std::vector<uint8_t> from_base64(const std::string& text) {
  std::vector<uint8_t> bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char letter : text) {
    if (letter == '=') break;
    const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bits = (bits << 6) | static_cast<uint32_t>(alphabet.find(letter));
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<uint8_t>(bits >> held));
  }
  return bytes;
}

std::vector<float> numbers(const std::string& text, Dtype dtype) {
  const auto bytes = from_base64(text);
  std::vector<float> values(bytes.size() / size_of(dtype));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == Dtype::float32) {
      std::memcpy(&values[i], bytes.data() + 4 * i, 4);
    } else {
      uint16_t bits;
      std::memcpy(&bits, bytes.data() + 2 * i, 2);
      values[i] = from_float16_bits(bits);
    }
  }
  return values;
}

Stream stream_of(const Json& recorded) {
  Stream stream;
  const auto& shape = recorded["shape"];
  stream.shape = {1, shape[0], shape[1], shape[3], parse_dtype(recorded["dtype"].get<std::string>())};
  stream.tokens = shape[2];
  stream.key = numbers(recorded["key"], stream.shape.dtype);
  stream.value = numbers(recorded["value"], stream.shape.dtype);
  return stream;
}

uint64_t mixed(uint64_t index) {
  uint64_t z = (index + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::string digest(const KvCache& cache) {
  std::vector<float> values = seen(cache, 0, Side::key);
  const std::vector<float> value = seen(cache, 0, Side::value);
  values.insert(values.end(), value.begin(), value.end());
  uint64_t sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += std::bit_cast<uint32_t>(values[i]) * mixed(i);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(sum));
  return text;
}

// The first update at which the peer raises, by our account; -1: never.
int64_t forecast(const KvCache& cache, int64_t updates, std::string& message, bool& wrong) {
  for (const PeerFailure& failure : cache.receipt().peer_failures) {
    wrong = wrong || failure.verdict.silently_wrong;
    const int64_t update = failure.update + (failure.verdict.at_dequantize ? 1 : 0);
    if (!failure.verdict.raises || update >= updates) continue;
    message = failure.verdict.message;
    return update;
  }
  return -1;
}

struct Totals {
  int64_t equal = 0, different = 0, raises = 0;
};

void replay(const Json& recorded, const Stream& stream, Totals& totals) {
  const auto cache = make_cache(parse_cache_spec(recorded["spec"].get<std::string>()), stream.shape);
  INFO(recorded["spec"] << " ops " << recorded["ops"]);
  int64_t first = 0, updates = 0;
  size_t compared = 0;
  const auto& digests = recorded["digests"];
  for (const Json& op : recorded["ops"]) {
    if (op == "reset") {
      cache->reset();
      updates = 0;
      continue;
    }
    if (op.is_array()) {
      cache->reorder(op.get<std::vector<int64_t>>());
      continue;
    }
    feed(*cache, stream, first, op);
    first += op.get<int64_t>();
    ++updates;
    std::string message;
    bool wrong = false;
    if (compared == digests.size()) {  // here the peer raised
      REQUIRE(forecast(*cache, updates, message, wrong) == recorded["raises"]["update"]);
      REQUIRE(message == recorded["raises"]["message"]);
      ++totals.raises;
      return;
    }
    REQUIRE(forecast(*cache, updates, message, wrong) == -1);
    if (wrong) return;
    digest(*cache) == digests[compared++] ? ++totals.equal : ++totals.different;
  }
  REQUIRE(compared == digests.size());
}

}  // namespace

Totals replay_file(const std::string& name) {
  const Json document = read_json_fixture(name);
  std::vector<Stream> streams;
  for (const Json& recorded : document["streams"]) streams.push_back(stream_of(recorded));
  Totals totals;
  for (const Json& recorded : document["cases"]) replay(recorded, streams.at(recorded["stream"]), totals);
  return totals;
}

TEST_CASE("hf: what attention sees is bit-equal to transformers 5.23 after every update", "[cache][golden]") {
  const Totals totals = replay_file("hf_schedule.json");
  INFO(totals.equal << " views equal, " << totals.different << " different, " << totals.raises << " cases where the peer raises");
  CHECK(totals.equal > 900);
  CHECK(totals.raises > 20);
  CHECK(totals.different == 0);
}

TEST_CASE("hf-5.15 and hf-4.54: what attention sees is bit-equal to those versions", "[cache][golden]") {
  for (const std::string version : {"5.15.0", "4.54.1"}) {
    INFO(version);
    const Totals totals = replay_file("hf_schedule_" + version + ".json");
    CHECK(totals.equal == 565);
    CHECK(totals.different == 0);
  }
}
