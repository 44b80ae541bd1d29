#include "harness/diagnose/replay.h"

#include <cmath>
#include <mutex>

#include "harness/diagnose/read_error.h"
#include "tests/catch.h"
#include "tests/cache_backends/oracle.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

constexpr int64_t prompt = 9, tokens = 33;

// What a reference might have written: one sequence, drawn.
Material drawn(int64_t layers = 2) {
  Material material{{layers, 1, 3, 16, Dtype::float16}, prompt, tokens, {}, {}};
  for (int64_t layer = 0; layer < layers; ++layer) {
    const kvdiff::test::Stream stream = make_stream(material.shape, tokens, static_cast<uint64_t>(7 + layer));
    material.key.push_back(stream.key);
    material.value.push_back(stream.value);
  }
  return material;
}

enum class How { chained, one_shot };

// [layer][side]
std::vector<std::vector<ReplayedSide>> replayed(const Material& material, const std::string& text, How how = How::chained, int threads = 1) {
  ThreadPool pool(threads);
  const CacheSpec spec = parse_cache_spec(text);
  std::vector<std::vector<ReplayedSide>> all(static_cast<size_t>(material.shape.layers), std::vector<ReplayedSide>(2));
  replay(material, pool, [&] { return how == How::chained ? make_cache(spec, material.shape) : make_one_shot_cache(spec, material.shape); },
         [&](int layer, Side side, ReplayedSide&& one) { all[static_cast<size_t>(layer)][side == Side::value] = std::move(one); });
  return all;
}

}  // namespace

TEST_CASE("replay: hf encodes the history at the prompt and every R steps, and is read one step later", "[diagnose][flush]") {
  const Material material = drawn();
  const auto all = replayed(material, "hqq:bits=2,group=16,axis=0,residual=5");
  for (const auto& layer : all)
    for (const ReplayedSide& side : layer) {
      REQUIRE(side.flushes.size() == 5);
      for (size_t i = 0; i < side.flushes.size(); ++i) {
        const ReplayedFlush& flush = side.flushes[i];
        const auto n = static_cast<int64_t>(i);
        CHECK(flush.step == 5 * n);
        CHECK(flush.read_from == 5 * n + 1);
        CHECK(flush.first == 0);
        CHECK(flush.tokens == prompt + 5 * n);
        CHECK(flush.most_times == n + 1);
        CHECK(flush.least_times == 1);
        CHECK(flush.compared == (n == 0 ? 0 : (prompt + 5 * (n - 1)) * 3 * 16));
        CHECK((flush.changed > 0) == (n > 0));
        CHECK(flush.after.relative() > 0);
        if (n == 0) CHECK(flush.before.relative() == 0);
      }
      CHECK(side.encoded == prompt + 20);
      CHECK(side.held.size() == static_cast<size_t>(tokens * 3 * 16));
    }
}

TEST_CASE("replay: an error is that of what is held, counted by hand", "[diagnose][flush]") {
  const Material material = drawn();
  const CacheSpec spec = parse_cache_spec("hqq:bits=3,group=16,residual=20");
  const auto all = replayed(material, "hqq:bits=3,group=16,residual=20");
  const ReplayedFlush& last = all[1][0].flushes.back();
  REQUIRE(last.step == 20);
  const auto cache = make_cache(spec, material.shape);
  double given_squared = 0, difference_squared = 0, largest = 0;
  const kvdiff::test::Stream stream = make_stream(material.shape, tokens, 8);
  feed(*cache, stream, 0, prompt);
  for (int64_t token = prompt; token < prompt + 20; ++token) feed(*cache, stream, token, 1);
  cache->settle();
  const std::vector<float> held = seen(*cache, 1, Side::key), given = stream.piece(Side::key, 0, prompt + 20);
  for (size_t i = 0; i < held.size(); ++i) {
    const double difference = static_cast<double>(given[i]) - held[i];
    given_squared += static_cast<double>(given[i]) * given[i];
    difference_squared += difference * difference;
    largest = std::max(largest, std::fabs(difference));
  }
  CHECK(last.after.relative() == Approx(std::sqrt(difference_squared / given_squared)).epsilon(1e-9));
  CHECK(last.after.largest == largest);
}

TEST_CASE("replay: one shot is the first encoding's error, and encoding again makes it larger", "[diagnose][flush]") {
  const Material material = drawn();
  const std::string text = "hqq:bits=4,group=16,axis=0,residual=1";
  const auto chained = replayed(material, text), one_shot = replayed(material, text, How::one_shot);
  for (size_t side : {0, 1}) {
    const auto &a = chained[0][side].flushes, &b = one_shot[0][side].flushes;
    REQUIRE(a.size() == static_cast<size_t>(tokens - prompt + 1));
    REQUIRE(b.size() == a.size());
    CHECK(a.front().after.relative() == b.front().after.relative());
    CHECK(a.back().after.relative() > 1.5 * b.back().after.relative());
    CHECK(a.back().most_times == tokens - prompt + 1);
  }
}

TEST_CASE("replay: a cache that encodes each token once changes nothing that is there", "[diagnose][flush]") {
  const Material material = drawn();
  for (const char* text : {"int4", "int8:residual=4", "hqq:bits=2,group=16,residual=4,schedule=streaming", "hf-fp8"}) {
    INFO(text);
    for (const auto& layer : replayed(material, text))
      for (const ReplayedSide& side : layer) {
        REQUIRE_FALSE(side.flushes.empty());
        int64_t next = 0;
        for (const ReplayedFlush& flush : side.flushes) {
          CHECK(flush.most_times == 1);
          CHECK(flush.changed == 0);
          CHECK(flush.first == next);
          next = flush.first + flush.tokens;
        }
        CHECK(next == side.encoded);
      }
  }
  const auto at_once = replayed(material, "int4");
  CHECK(at_once[0][0].flushes[0].read_from == 1);
  CHECK(at_once[0][0].flushes[1].read_from == 1);
  CHECK(at_once[0][0].flushes[1].step == 1);
}

TEST_CASE("replay: threads change nothing", "[diagnose][flush]") {
  const Material material = drawn(5);
  const auto one = replayed(material, "hqq:bits=2,group=16,residual=3"), three = replayed(material, "hqq:bits=2,group=16,residual=3", How::chained, 3);
  for (size_t layer = 0; layer < one.size(); ++layer)
    for (size_t side : {0, 1}) {
      CHECK(same_bits(one[layer][side].held, three[layer][side].held));
      for (size_t i = 0; i < one[layer][side].flushes.size(); ++i)
        CHECK(one[layer][side].flushes[i].after.difference_squared == three[layer][side].flushes[i].after.difference_squared);
    }
}

TEST_CASE("read error: heads, channels and kinds of tokens share out the whole", "[diagnose][flush]") {
  const Material material = drawn();
  const std::string text = "hqq:bits=2,group=16,axis=1,residual=7";
  const auto all = replayed(material, text);
  const ReplayedSide& side = all[1][0];
  const ReadError error = read_error(material, 1, Side::key, side);
  REQUIRE(error.error);
  CHECK(error.by_head.size() == 3);
  CHECK(error.sinks.tokens == 4);
  CHECK(error.prompt.tokens == prompt - 4);
  CHECK(error.generated.tokens == side.encoded - prompt);
  CHECK(error.residual.tokens == tokens - side.encoded);
  CHECK(error.residual.tokens > 0);
  CHECK(error.residual.error() == 0.0);
  CHECK(error.sinks.difference_squared + error.prompt.difference_squared + error.generated.difference_squared ==
        Approx(*error.error * *error.error * (error.sinks.given_squared + error.prompt.given_squared + error.generated.given_squared + error.residual.given_squared)));
  REQUIRE(error.worst_channels.size() == ReadError::most_channels);
  for (size_t i = 1; i < error.worst_channels.size(); ++i) CHECK(error.worst_channels[i - 1].share >= error.worst_channels[i].share);
}

TEST_CASE("material: its first tokens are what it was", "[diagnose][flush]") {
  const Material whole = drawn();
  Material first = whole;
  first.crop(13);
  CHECK(first.tokens == 13);
  for (int64_t head = 0; head < 3; ++head)
    for (int64_t i = 0; i < 13 * 16; ++i)
      CHECK(first.value[1][static_cast<size_t>(head * 13 * 16 + i)] == whole.value[1][static_cast<size_t>(head * tokens * 16 + i)]);
  first.crop(100);
  CHECK(first.tokens == 13);
}
