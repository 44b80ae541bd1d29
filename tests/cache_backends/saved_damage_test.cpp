// Whatever bytes are restored: the saved cache, or a UserError that says what was found, and the cache stays as it was.
#include <xxhash.h>

#include <array>
#include <cstring>

#include "cache_backends/kv_cache.h"
#include "cache_backends/saved/archive.h"
#include "tests/cache_backends/oracle.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/portable_random.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

using Saved = std::vector<std::byte>;

constexpr CacheShape shape{2, 2, 2, 32, Dtype::float16};
constexpr const char* specs[] = {"full", "full:dtype=float32", "hqq:bits=3,group=16,axis=1,residual=4", "kivi:group=8,bits=2", "quanto:group=32,residual=3",
                                 "int8:per=channel,scale=frozen", "int4:scheme=zero", "hf-fp8", "fp8", "q5_1", "iq4_nl"};

// In the middle of a life: reordered, cropped, not settled.
std::unique_ptr<KvCache> lived(const std::string& spec) {
  const Stream stream = make_stream(shape, 40, 47);
  auto cache = make_cache(parse_cache_spec(spec), shape);
  feed(*cache, stream, 0, 7);
  for (int64_t t = 7; t < 20; ++t) feed(*cache, stream, t, 1);
  cache->reorder(std::vector<int64_t>{1, 0});
  cache->crop(18);
  for (int64_t t = 20; t < 24; ++t) feed(*cache, stream, t, 1);
  return cache;
}

// The hash is put right, so that what lies behind it is reached.
void seal(Saved& saved) {
  const uint64_t hash = XXH3_64bits(saved.data(), saved.size() - sizeof(uint64_t));
  std::memcpy(saved.data() + saved.size() - sizeof hash, &hash, sizeof hash);
}

bool restores(KvCache& cache, const Saved& saved) {
  try {
    cache.restore(saved);
  } catch (const UserError& error) {
    CHECK(error.code() == ExitCode::input);
    return false;
  }
  return true;
}

// All that may be done to it must go through, whatever its numbers are.
void use(KvCache& cache) {
  const Stream stream = make_stream(shape, 9, 53);
  for (int64_t t = 0; t < 6; ++t) feed(cache, stream, t, 1);
  for (int layer = 0; layer < 2; ++layer)
    for (const Side side : {Side::key, Side::value}) decoded(cache.pages(layer), side, shape);
  cache.receipt();
  cache.bytes();
  cache.fork()->save();
  cache.reorder(std::vector<int64_t>{0, 0});
  if (cache.length(0) > 1 && cache.length(0) == cache.length(1)) cache.crop(cache.length(0) - 1);
  feed(cache, stream, 6, 3);
}

}  // namespace

TEST_CASE("a saved cache that was cut short is refused at every length", "[cache][saved]") {
  for (const char* spec : specs) {
    INFO(spec);
    const Saved saved = lived(spec)->save();
    const auto cache = lived(spec);
    const Saved before = cache->save();
    const size_t step = std::max<size_t>(1, saved.size() / 499);
    for (size_t size = 0; size < saved.size(); size += size < 64 ? 1 : step) {
      INFO(size);
      REQUIRE_FALSE(restores(*cache, Saved(saved.begin(), saved.begin() + static_cast<std::ptrdiff_t>(size))));
    }
    Saved longer = saved;
    longer.push_back(std::byte{0});
    REQUIRE_FALSE(restores(*cache, longer));
    CHECK(cache->save() == before);
  }
}

TEST_CASE("a saved cache of which one bit is wrong is refused, and nothing changes", "[cache][saved]") {
  PortableRandom random(59);
  for (const char* spec : specs) {
    INFO(spec);
    const Saved saved = lived(spec)->save();
    const auto cache = make_cache(parse_cache_spec(spec), shape);
    const Saved empty = cache->save();
    for (int i = 0; i < 400; ++i) {
      Saved bent = saved;
      const uint64_t at = i < 64 ? static_cast<uint64_t>(i) : random.below(saved.size());
      bent[at] ^= std::byte{1} << (random.below(8));
      INFO(at);
      REQUIRE_FALSE(restores(*cache, bent));
    }
    CHECK(cache->save() == empty);
    REQUIRE(restores(*cache, saved));
    CHECK(cache->save() == saved);
  }
}

// Someone meant it: the hash is right, and the content is not.
TEST_CASE("a forged cache is refused, or a cache that can be used", "[cache][saved]") {
  PortableRandom random(61);
  int64_t refused = 0, taken = 0;
  for (const char* spec : specs) {
    INFO(spec);
    const Saved saved = lived(spec)->save();
    for (int i = 0; i < 300; ++i) {
      Saved forged = saved;
      const size_t content = 24 + 8, at = content + random.below(saved.size() - content - 16);
      if (i % 3 == 0) {
        forged[at] ^= std::byte{1} << (random.below(8));
      } else if (i % 3 == 1) {  // a number of 8 bytes that is no other's neighbour
        const int64_t number = std::array<int64_t, 4>{-1, 0, INT64_MAX, 3}[random.below(4)];
        std::memcpy(forged.data() + at, &number, sizeof number);
      } else {  // a piece is gone, and the length is told so
        const size_t gone = std::min<size_t>(1 + random.below(40), saved.size() - 8 - at);
        forged.erase(forged.begin() + static_cast<std::ptrdiff_t>(at), forged.begin() + static_cast<std::ptrdiff_t>(at + gone));
        const auto length = static_cast<int64_t>(forged.size());
        std::memcpy(forged.data() + 16, &length, sizeof length);
      }
      seal(forged);
      INFO(i << " at " << at << " of " << saved.size());
      const auto cache = make_cache(parse_cache_spec(spec), shape);
      const bool whole = restores(*cache, forged);
      ++(whole ? taken : refused);
      if (whole) use(*cache);
    }
  }
  CHECK(refused > 1000);
  CHECK(taken > 200);
}

TEST_CASE("what is refused says what was found, what was expected and what to do", "[cache][saved]") {
  const auto cache = make_cache(parse_cache_spec("hqq:residual=4,group=32"), shape);
  const Saved saved = cache->save();
  const auto into = [&](const char* spec, const CacheShape& other) {
    return [spec, other, &saved] { restore_cache(parse_cache_spec(spec), other, saved); };
  };
  check_refused(into("hqq:residual=5,group=32", shape), "found the cache hqq:group=32,residual=4 of 2 layers, B = 2, 2 KV heads of 32, float16",
                "expected the cache hqq:group=32,residual=5", "restore it into a cache that was made as the saved one was");
  CacheShape longer = shape;
  longer.layers = 3;
  check_refused(into("hqq:residual=4,group=32", longer), "found the cache", "of 2 layers", "expected", "of 3 layers");
  const auto bytes = [&](const Saved& bent) { return [&cache, bent] { cache->restore(bent); }; };
  check_refused(bytes({}), "found no bytes", "give the file that was saved");
  check_refused(bytes(Saved(400, std::byte{7})), "does not begin with kvdiffKV");
  check_refused(bytes(Saved(saved.begin(), saved.begin() + 12)), "found 12 bytes", "cut short", "save it again");
  check_refused(bytes(Saved(saved.begin(), saved.end() - 1)), "as its header says", "cut short", "save it again");
  Saved version = saved;
  version[8] = std::byte{2};
  check_refused(bytes(version), "found version 2, expected version 1", "save it again with this kvdiff");
  Saved bent = saved;
  bent[bent.size() - 20] ^= std::byte{1};
  check_refused(bytes(bent), "content of hash", "as it was saved", "save it again");
}
