#include "cache_backends/error.h"
#include "cache_backends/kv_cache.h"
#include "tests/cache_backends/oracle.h"
#include "tests/catch.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

constexpr int64_t prompt = 9, tokens = 40;
constexpr CacheShape shape{2, 1, 3, 16, Dtype::float16};

// What the cache holds once attention has read.
std::vector<float> held(KvCache& cache, int layer, Side side) {
  cache.settle();
  return seen(cache, layer, side);
}

int64_t flushes(const KvCache& cache) { return cache.receipt().key[0].flushes; }

}  // namespace

TEST_CASE("one-shot cache: at each flush the history is what one prefill of the given values makes of it", "[cache][one-shot]") {
  for (const char* text : {"hqq:bits=2,group=16,axis=0,residual=5", "hqq:bits=3,group=16,axis=1,residual=1", "quanto:bits=4,group=16,residual=3",
                           "hqq:bits=2,group=16,residual=4,schedule=hf-5.15", "k=hqq:bits=2,group=16,residual=4,rotate=hadamard/v=full"}) {
    INFO(text);
    CacheShape wide = shape;
    wide.head_size = 64;  // a rotation wants that
    const CacheSpec spec = parse_cache_spec(text);
    const Stream stream = make_stream(wide, tokens, 3);
    const auto cache = make_one_shot_cache(spec, wide);
    feed(*cache, stream, 0, prompt);
    int64_t seen_flushes = flushes(*cache), compared = 0;
    for (int64_t token = prompt; token < tokens; ++token) {
      feed(*cache, stream, token, 1);
      if (flushes(*cache) == seen_flushes) continue;
      seen_flushes = flushes(*cache);
      const auto fresh = make_cache(spec, wide);
      feed(*fresh, stream, 0, token + 1);
      for (const Side side : {Side::key, Side::value})
        for (int layer = 0; layer < shape.layers; ++layer) CHECK(same_bits(held(*cache, layer, side), held(*fresh, layer, side)));
      ++compared;
    }
    CHECK(compared >= 5);
  }
}

TEST_CASE("one-shot cache: the candidate's own timing, bytes and receipt, but for what is encoded again", "[cache][one-shot]") {
  const CacheSpec spec = parse_cache_spec("hqq:bits=2,group=16,axis=0,residual=5");
  const Stream stream = make_stream(shape, tokens, 3);
  const auto plain = make_cache(spec, shape), cache = make_one_shot_cache(spec, shape);
  feed(*plain, stream, 0, prompt);
  feed(*cache, stream, 0, prompt);
  bool differed = false;
  for (int64_t token = prompt; token < tokens; ++token) {
    feed(*plain, stream, token, 1);
    feed(*cache, stream, token, 1);
    const int64_t count = flushes(*plain);
    CHECK(flushes(*cache) == count);
    const bool same = same_bits(seen(*plain, 0, Side::key), seen(*cache, 0, Side::key));
    if (plain->visible_encoding(0, Side::key).count <= 1) CHECK(same);
    differed = differed || !same;
    CHECK(plain->bytes() == cache->bytes());
  }
  CHECK(differed);
  CHECK(plain->receipt().key[0].largest_requantized == cache->receipt().key[0].largest_requantized);
}

TEST_CASE("one-shot cache: where each token is encoded once it is the candidate's bits", "[cache][one-shot]") {
  for (const char* text : {"int8", "int4:residual=4", "hqq:bits=2,group=16,residual=4,schedule=streaming", "hf-fp8", "q4_0", "full", "kivi:bits=2,group=16,residual=16",
                           "hqq:bits=2,group=16,residual=6,schedule=immediate"}) {
    INFO(text);
    CacheShape wide = shape;
    wide.head_size = 32;
    const Stream stream = make_stream(wide, tokens, 4);
    const auto plain = make_cache(parse_cache_spec(text), wide), cache = make_one_shot_cache(parse_cache_spec(text), wide);
    for (int64_t token = 0; token < tokens; token += token == 0 ? prompt : 1) {
      feed(*plain, stream, token, token == 0 ? prompt : 1);
      feed(*cache, stream, token, token == 0 ? prompt : 1);
      for (const Side side : {Side::key, Side::value}) CHECK(same_bits(seen(*plain, 1, side), seen(*cache, 1, side)));
    }
    CHECK(plain->receipt().key[1].largest_requantized <= 1);
  }
}

TEST_CASE("one-shot cache: forks, crops and reorders go on from the values as given", "[cache][one-shot]") {
  CacheShape two = shape;
  two.batch = 2;
  const CacheSpec spec = parse_cache_spec("hqq:bits=2,group=16,axis=0,residual=1");
  const Stream stream = make_stream(two, tokens, 6);
  const auto cache = make_one_shot_cache(spec, two), expected = make_one_shot_cache(spec, two);
  for (KvCache* one : {cache.get(), expected.get()}) {
    feed(*one, stream, 0, prompt);
    for (int64_t token = prompt; token < 20; ++token) feed(*one, stream, token, 1);
  }
  const std::vector<int64_t> swapped = {1, 0};
  cache->reorder(swapped);
  cache->reorder(swapped);
  const auto fork = cache->fork();
  cache->crop(12);
  for (int64_t token = 12; token < tokens; ++token) feed(*cache, stream, token, 1);
  for (int64_t token = 20; token < tokens; ++token) {
    feed(*fork, stream, token, 1);
    feed(*expected, stream, token, 1);
  }
  for (const Side side : {Side::key, Side::value}) {
    CHECK(same_bits(held(*fork, 0, side), held(*expected, 0, side)));
    CHECK(same_bits(held(*cache, 0, side), held(*expected, 0, side)));  // each flush is the whole of what was given
  }
}
