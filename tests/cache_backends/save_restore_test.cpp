// What is saved and restored is, bit for bit, the cache that was never saved: over the whole registry.
#include <functional>

#include "cache_backends/decorators/patched_cache.h"
#include "cache_backends/faults/bit_fault.h"
#include "cache_backends/faults/planted_fault.h"
#include "cache_backends/kv_cache.h"
#include "tests/cache_backends/contract_cases.h"
#include "tests/cache_backends/oracle.h"
#include "tests/catch.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

void check_same(const KvCache& moved, const KvCache& stayed) {
  for (const Side side : {Side::key, Side::value}) {
    REQUIRE(same_bits(seen(moved, 0, side), seen(stayed, 0, side)));
    const VisibleEncoding one = moved.visible_encoding(0, side), other = stayed.visible_encoding(0, side);
    REQUIRE((one.count == other.count && one.first == other.first && one.tokens == other.tokens));
  }
  const KvPages one = moved.pages(0), other = stayed.pages(0);
  REQUIRE((one.tokens == other.tokens && one.key_quantized == other.key_quantized && one.value_quantized == other.value_quantized));
  REQUIRE((one.key_rotation == other.key_rotation && one.value_rotation == other.value_rotation));
  REQUIRE(moved.length(0) == stayed.length(0));
  REQUIRE(moved.bytes() == stayed.bytes());
  REQUIRE(moved.receipt() == stayed.receipt());
}

struct Pair {
  std::unique_ptr<KvCache> stayed, moved;
  template <class Make>
  void move(const Make& make) {
    const std::vector<std::byte> saved = moved->save();
    REQUIRE(saved == moved->save());
    moved.reset();
    moved = make();
    moved->restore(saved);
    REQUIRE(moved->save() == saved);
    check_same(*moved, *stayed);
  }
  template <class Action>
  void both(const Action& action) {
    for (KvCache* cache : {stayed.get(), moved.get()}) action(*cache);
    check_same(*moved, *stayed);
  }
};

// A prompt in pieces, tokens, and all that may be done to a cache; saved before and after it is settled.
template <class Make>
void live(Pair& pair, const Stream& stream, const Make& make) {
  int64_t next = 0;
  const auto append = [&](int64_t count) {
    pair.both([&](KvCache& cache) {
      feed(cache, stream, next, count);
      cache.count_read(0);
    });
    next += count;
    if (next % 2 == 0) pair.move(make);
    if (next % 3 == 0) pair.both([](KvCache& cache) { cache.settle(); });
    if (next % 5 == 0) pair.move(make);
  };
  const auto tokens = [&](int count) {
    for (int i = 0; i < count; ++i) append(1);
  };
  pair.move(make);
  append(6);
  append(3);
  tokens(9);
  const std::vector<int64_t> rows = stream.shape.batch == 3 ? std::vector<int64_t>{2, 0, 0} : std::vector<int64_t>{0};
  pair.both([&](KvCache& cache) { cache.reorder(rows); });
  pair.move(make);
  tokens(4);
  pair.both([&](KvCache& cache) { cache.crop(cache.length(0) - 3); });
  pair.move(make);
  tokens(9);
  pair.both([](KvCache& cache) { cache.reset(); });
  pair.move(make);
  append(5);
  tokens(3);
}

}  // namespace

TEST_CASE("save and restore: every codec, choice and schedule goes on as if it had never been saved", "[cache][saved]") {
  int64_t lives = 0;
  for (const ContractCase& one : all_cases()) {
    INFO(one.text << " B=" << one.shape.batch);
    Pair pair{try_make(one.text, one.shape), try_make(one.text, one.shape)};
    if (!pair.stayed) continue;
    live(pair, make_stream(one.shape, 64, 23), [&] { return make_cache(parse_cache_spec(one.text), one.shape); });
    ++lives;
  }
  CHECK(lives > 100);
}

TEST_CASE("save and restore: prefill=quantized, narrower storage, rotation over the whole head", "[cache][saved]") {
  for (const char* text : {"hqq:bits=2,group=16,prefill=quantized,residual=4", "full:dtype=bfloat16", "q4_0:rotate=hadamard",
                           "k=hqq:rotate=hadamard,residual=5/v=int8", "hqq:bits=3,group=16,residual=1+0@int8"}) {
    INFO(text);
    const CacheShape shape{2, 1, 2, 128, Dtype::float32};
    const auto make = [&] { return make_cache(parse_cache_spec(text), shape); };
    Pair pair{make(), make()};
    live(pair, make_stream(shape, 64, 29), make);
  }
}

TEST_CASE("save and restore: histories that are encoded as given stay so", "[cache][saved]") {
  const CacheShape shape{1, 3, 2, 16, Dtype::float16};
  const CacheSpec spec = parse_cache_spec("hqq:bits=2,group=16,residual=4");
  const auto make = [&] { return make_one_shot_cache(spec, shape); };
  Pair pair{make(), make()};
  live(pair, make_stream(shape, 64, 31), make);
}

TEST_CASE("save and restore: a long history fills more than one store", "[cache][saved]") {
  const CacheShape shape{1, 1, 2, 16, Dtype::float16};
  const Stream stream = make_stream(shape, 900, 37);
  for (const char* text : {"full", "int4", "hqq:group=16,axis=1,schedule=streaming,residual=32", "hf-fp8"}) {
    INFO(text);
    const auto make = [&] { return make_cache(parse_cache_spec(text), shape); };
    Pair pair{make(), make()};
    pair.both([&](KvCache& cache) { feed(cache, stream, 0, 700); });
    for (int64_t t = 700; t < 900; ++t) {
      pair.both([&](KvCache& cache) { feed(cache, stream, t, 1); });
      if (t % 40 == 0) pair.move(make);
    }
  }
}

TEST_CASE("save and restore: where a fork took the room, what was saved goes on elsewhere, too", "[cache][saved]") {
  const CacheShape shape{1, 1, 2, 16, Dtype::float16};
  const Stream stream = make_stream(shape, 64, 41), other = make_stream(shape, 64, 42);
  for (const char* text : {"full", "int4", "hqq:group=16,axis=1,residual=32"}) {
    INFO(text);
    const auto make = [&] { return make_cache(parse_cache_spec(text), shape); };
    const auto stayed = make();
    feed(*stayed, stream, 0, 9);
    const auto fork = stayed->fork();
    feed(*fork, other, 9, 5);
    const auto moved = make();
    moved->restore(stayed->save());
    for (int64_t t = 9; t < 30; ++t) {
      feed(*stayed, stream, t, 1);
      feed(*moved, stream, t, 1);
      check_same(*moved, *stayed);
    }
  }
}

TEST_CASE("save and restore: decorators keep what is theirs", "[cache][saved]") {
  const CacheShape shape{1, 1, 2, 16, Dtype::float16};
  const CacheSpec spec = parse_cache_spec("hqq:bits=4,group=16,residual=4");
  std::vector<std::function<std::unique_ptr<KvCache>()>> makers;
  for (const PatchKind kind : {PatchKind::exempt, PatchKind::withhold})
    makers.push_back([&spec, &shape, kind] {
      return make_patched_cache(make_cache(spec, shape), {kind, {{0, Side::key, {1}, {2, 3}, {}}, {0, Side::value, {}, {}, {{2, 5}}}}});
    });
  makers.push_back([&] { return make_bit_fault(make_cache(spec, shape), {.token = 3, .append = 4}); });
  for (const char* name : {"copy.shares", "scale.factor", "reset.keeps", "bits.fewer", "crop.stale", "reorder.ignored"})
    makers.push_back([&spec, &shape, name] {
      const PlantedFault& fault = find_planted_fault(name);
      return plant(fault, {.update = 3, .strength = fault.strongest}, {spec, {}}, make_cache(spec, shape));
    });
  for (const auto& make : makers) {
    Pair pair{make(), make()};
    live(pair, make_stream(shape, 64, 43), make);
  }
}
