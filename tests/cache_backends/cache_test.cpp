#include <chrono>
#include <cmath>
#include <limits>

#include "cache_backends/faults/bit_fault.h"
#include "cache_backends/error.h"
#include "cache_backends/kv_cache.h"
#include "tests/cache_backends/oracle.h"
#include "tests/catch.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

std::unique_ptr<KvCache> cache_of(std::string_view text, const CacheShape& shape) {
  return make_cache(parse_cache_spec(text), shape);
}

constexpr CacheShape small{2, 1, 3, 16, Dtype::float32};

}  // namespace

TEST_CASE("full precision keeps bits, and bytes are those of its dtype", "[cache]") {
  for (const Dtype dtype : {Dtype::float16, Dtype::bfloat16, Dtype::float32}) {
    CacheShape shape = small;
    shape.dtype = dtype;
    const Stream stream = make_stream(shape, 700, 3);
    const auto cache = cache_of("full", shape);
    feed(*cache, stream, 0, 201);
    for (int64_t t = 201; t < 700; ++t) feed(*cache, stream, t, 1);
    CHECK(same_bits(seen(*cache, 1, Side::key), stream.key));
    CHECK(same_bits(seen(*cache, 1, Side::value), stream.value));
    CHECK(cache->bytes().residual == 2 * 2 * 3 * 16 * 700 * static_cast<int64_t>(size_of(dtype)));
    CHECK(cache->bytes().codes == 0);
    CHECK_FALSE(cache->pages(0).key_quantized);
    CHECK(cache->receipt().key[0].flushes == 0);
  }
}

TEST_CASE("a narrower full-precision cache gives the prompt as it came, then as it is stored", "[cache]") {
  const Stream stream = make_stream(small, 12, 4);
  const auto cache = cache_of("full:dtype=bfloat16", small);
  feed(*cache, stream, 0, 11);
  CHECK(same_bits(seen(*cache, 0, Side::key), stream.piece(Side::key, 0, 11)));
  feed(*cache, stream, 11, 1);
  std::vector<float> rounded = stream.key;
  for (float& value : rounded) value = round_to(Dtype::bfloat16, value);
  CHECK(same_bits(seen(*cache, 0, Side::key), rounded));
  CHECK(cache->bytes().residual == 2 * 2 * 3 * 16 * 12 * 2);
}

TEST_CASE("hf: the prompt is read as given, a flush is seen one step later", "[cache]") {
  const Stream stream = make_stream(small, 20, 5);
  const auto cache = cache_of("hqq:bits=2,group=16,axis=1,residual=3", small);
  feed(*cache, stream, 0, 8);
  CHECK(same_bits(seen(*cache, 0, Side::key), stream.piece(Side::key, 0, 8)));
  CHECK_FALSE(cache->pages(0).key_quantized);
  CHECK(cache->receipt().key[0].tokens_quantized == 8);
  cache->count_read(0);
  CHECK(cache->receipt().key[0].quantized_reads == 0);
  feed(*cache, stream, 8, 1);
  cache->count_read(0);
  CHECK(cache->receipt().key[0].quantized_reads == 8);
  feed(*cache, stream, 9, 1);
  feed(*cache, stream, 10, 1);
  CHECK(cache->receipt().key[0].tokens_quantized == 11);
  CHECK(cache->receipt().key[0].flushes == 2);
  CHECK(cache->receipt().key[0].largest_requantized == 2);
  CHECK(cache->pages(0).key.size() == 2);  // the view: 8 encoded, 3 as they came
  const auto view = seen(*cache, 0, Side::key);
  CHECK(std::equal(view.begin() + 8 * 16, view.begin() + 11 * 16, stream.key.begin() + 8 * 16));
  cache->settle();
  CHECK(cache->pages(0).key.size() == 1);
  CHECK(cache->bytes().residual == 0);
}

TEST_CASE("prefill=quantized lets the prompt be read from the codes", "[cache]") {
  const Stream stream = make_stream(small, 20, 6);
  const auto cache = cache_of("hqq:bits=2,group=16,axis=1,prefill=quantized", small);
  feed(*cache, stream, 0, 8);
  CHECK(cache->pages(0).key_quantized);
  CHECK_FALSE(same_bits(seen(*cache, 0, Side::key), stream.piece(Side::key, 0, 8)));
}

TEST_CASE("sides and layers may differ", "[cache]") {
  CacheShape shape = small;
  shape.layers = 4;
  const Stream stream = make_stream(shape, 40, 7);
  const auto cache = cache_of("k=full/v=hqq:bits=4,group=16,residual=4+0,-1@k=hqq:bits=2,group=16/v=full+-1@full", shape);
  feed(*cache, stream, 0, 9);
  for (int64_t t = 9; t < 40; ++t) feed(*cache, stream, t, 1);
  const Receipt receipt = cache->receipt();
  CHECK(receipt.key[0].tokens_quantized > 0);
  CHECK(receipt.value[0].tokens_quantized == 0);
  CHECK(receipt.key[1].tokens_quantized == 0);
  CHECK(receipt.value[2].tokens_quantized > 0);
  CHECK(receipt.key[3].tokens_quantized + receipt.value[3].tokens_quantized == 0);
  CHECK(same_bits(seen(*cache, 1, Side::key), stream.key));
  CHECK(same_bits(seen(*cache, 3, Side::value), stream.value));
  CHECK(receipt.key[0].distinct_codes <= 4);
  CHECK(receipt.value[1].distinct_codes > 4);
}

TEST_CASE("what the peer would have raised is kept with its update", "[cache]") {
  CacheShape shape{1, 1, 3, 64, Dtype::float32};
  const Stream stream = make_stream(shape, 80, 8);
  const auto cache = cache_of("hqq:bits=4,group=64,axis=1,residual=4", shape);
  feed(*cache, stream, 0, 49);  // 147 groups, and two codes in a byte
  for (int64_t t = 49; t < 60; ++t) feed(*cache, stream, t, 1);
  const auto failures = cache->receipt().peer_failures;
  REQUIRE_FALSE(failures.empty());
  CHECK(failures[0].update == 0);
  CHECK(failures[0].layer == 0);
  CHECK(failures[0].verdict.raises);
  CHECK(failures[0].verdict.message.find("size of tensor a (73) must match the size of tensor b (74)") != std::string::npos);
  CHECK(cache->receipt().key[0].measured.codes == cache->receipt().key[0].expected.codes);
  const auto even = cache_of("hqq:bits=4,group=64,axis=1,residual=4", shape);
  feed(*even, stream, 0, 48);
  for (int64_t t = 48; t < 60; ++t) feed(*even, stream, t, 1);
  CHECK(even->receipt().peer_failures.empty());
}

TEST_CASE("a group that does not divide is refused, before the run where every length is known", "[cache]") {
  const auto refused = [](std::string_view text) {
    try {
      cache_of(text, small);
    } catch (const UserError& error) {
      return error.code() == ExitCode::usage;
    }
    return false;
  };
  CHECK(refused("hqq:group=7,schedule=immediate"));
  CHECK(refused("hqq:group=7,schedule=streaming,residual=8"));
  const auto cache = cache_of("hqq:group=96,residual=8", small);
  const Stream stream = make_stream(small, 8, 9);
  CHECK_THROWS_AS(feed(*cache, stream, 0, 5), UserError);  // 240 elements
}

TEST_CASE("what is not finite is counted and never enters the error", "[cache]") {
  CacheShape shape{1, 1, 1, 16, Dtype::float16};
  Stream stream = make_stream(shape, 4, 10);
  for (size_t i = 0; i < 16; ++i) stream.key[i] = round_to(Dtype::float16, 300.0f + 0.03125f * static_cast<float>(i));
  const auto cache = cache_of("hqq:bits=8,group=16,axis=1", shape);
  feed(*cache, stream, 0, 4);  // the zero of the first group overflows float16
  CHECK(cache->receipt().key[0].not_finite == 16);
  CHECK(std::isfinite(cache->receipt().key[0].largest_error));
}

TEST_CASE("misuse is our bug and says so", "[cache]") {
  const auto cache = cache_of("full", small);
  const std::vector<float> values(3 * 16);
  CHECK_THROWS_AS(cache->append(2, {values, values, 1}), InternalError);
  CHECK_THROWS_AS(cache->append(0, {values, values, 2}), InternalError);
  CHECK_THROWS_AS(cache->append(0, {values, values, 0}), InternalError);
  CHECK_THROWS_AS(cache->reorder(std::vector<int64_t>{1}), InternalError);
  CHECK_THROWS_AS(cache->reorder(std::vector<int64_t>{0, 0}), InternalError);
  CHECK_THROWS_AS(cache_of("hqq+5@full", small), UserError);
}

TEST_CASE("a faulty cache differs in one bit of one element, from its append on", "[cache]") {
  const Stream stream = make_stream(small, 12, 14);
  const auto sound = cache_of("full", small);
  const auto faulty = make_bit_fault(cache_of("full", small), {1, Side::value, 0, 2, 4, 5, 1});
  for (KvCache* cache : {sound.get(), faulty.get()}) feed(*cache, stream, 0, 9);
  CHECK(same_bits(seen(*sound, 1, Side::value), seen(*faulty, 1, Side::value)));
  for (KvCache* cache : {sound.get(), faulty.get()}) feed(*cache, stream, 9, 1);
  CHECK(same_bits(seen(*sound, 0, Side::value), seen(*faulty, 0, Side::value)));
  CHECK(same_bits(seen(*sound, 1, Side::key), seen(*faulty, 1, Side::key)));
  for (const auto& cache : {faulty->fork(), faulty->fork()}) {
    const auto left = seen(*sound, 1, Side::value), right = seen(*cache, 1, Side::value);
    size_t differing = 0;
    for (size_t i = 0; i < left.size(); ++i) differing += left[i] != right[i];
    CHECK(differing == 1);
    const size_t place = (2 * 10 + 4) * 16 + 5;
    CHECK(std::fabs(left[place] - right[place]) <= std::fabs(left[place]) * 0x1p-23f);
  }
  faulty->crop(4);
  CHECK(same_bits(seen(*faulty, 1, Side::value), stream.piece(Side::value, 0, 4)));
}
