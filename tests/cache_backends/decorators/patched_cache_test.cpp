#include "cache_backends/decorators/patched_cache.h"

#include "cache_backends/error.h"
#include "tests/cache_backends/oracle.h"
#include "tests/catch.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

constexpr int64_t size = 16, tokens = 30;
const std::vector<std::string> specs = {"hqq:bits=2,group=16,residual=5", "hqq:bits=3,group=16,axis=1,residual=0",
                                        "hqq:bits=2,group=16,residual=4,schedule=streaming", "int4"};

// The prompt, then single tokens; `look` sees the cache after each append.
template <class Look> void run(KvCache& cache, const Stream& stream, const Look& look) {
  feed(cache, stream, 0, 9);
  look(int64_t{9});
  for (int64_t token = 9; token < tokens; ++token) {
    feed(cache, stream, token, 1);
    look(token + 1);
  }
}

std::vector<float> of_reference(const Stream& stream, Side side, int64_t count) {
  return stream.piece(side, 0, count);
}

bool patched(const PatchPart& part, int64_t head, int64_t token, int64_t channel) {
  const auto in = [](const std::vector<int64_t>& list, int64_t one) {
    return list.empty() || std::find(list.begin(), list.end(), one) != list.end();
  };
  return in(part.heads, head) && in(part.channels, channel) &&
         (part.tokens.empty() || (part.tokens[0].first <= token && token <= part.tokens[0].second));
}

}  // namespace

TEST_CASE("patched cache: exempt elements are the lane's own, all others the quantized cache's bits", "[patch]") {
  const PatchPart parts[] = {{0, Side::key, {}, {}, {}},    {0, Side::value, {1}, {}, {}}, {0, Side::key, {}, {3, 12}, {}},
                             {0, Side::key, {0, 2}, {5}, {}}, {0, Side::value, {}, {}, {{4, 11}}},
                             {0, Side::key, {2}, {0}, {{10, 10}}}};
  for (const std::string& text : specs)
    for (const int64_t batch : {1, 2})
      for (const PatchPart& part : parts) {
        const CacheShape shape{1, batch, 3, size, Dtype::float16};
        const Stream stream = make_stream(shape, tokens, 3);
        const CacheSpec spec = parse_cache_spec(text);
        const auto plain = make_cache(spec, shape), cache = make_patched_cache(make_cache(spec, shape), {PatchKind::exempt, {part}});
        INFO(text << " " << text_of({PatchKind::exempt, {part}}));
        feed(*plain, stream, 0, 9);
        int64_t fed = 9;
        run(*cache, stream, [&](int64_t count) {
          for (; fed < count; ++fed) feed(*plain, stream, fed, 1);
          for (const Side side : {Side::key, Side::value}) {
            std::vector<float> expected = seen(*plain, 0, side);
            const std::vector<float> exact = of_reference(stream, side, count);
            for (size_t i = 0; side == part.side && i < expected.size(); ++i) {
              const auto at = static_cast<int64_t>(i);
              if (patched(part, at / (count * size) % 3, at / size % count, at % size)) expected[i] = exact[i];
            }
            REQUIRE(same_bits(seen(*cache, 0, side), expected));
          }
        });
      }
}

TEST_CASE("patched cache: exempting every side reads what was appended, exempting nothing reads the cache's bits", "[patch]") {
  const CacheShape shape{2, 1, 3, size, Dtype::float16};
  const Stream stream = make_stream(shape, tokens, 4);
  for (const std::string& text : specs) {
    Patch everything;
    for (const int layer : {0, 1})
      for (const Side side : {Side::key, Side::value}) everything.parts.push_back({layer, side, {}, {}, {}});
    for (const PatchKind kind : {PatchKind::exempt, PatchKind::withhold}) {
      everything.kind = kind;
      const auto all = make_patched_cache(make_cache(parse_cache_spec(text), shape), everything);
      run(*all, stream, [&](int64_t count) {
        REQUIRE(same_bits(seen(*all, 1, Side::key), of_reference(stream, Side::key, count)));
        REQUIRE(same_bits(seen(*all, 1, Side::value), of_reference(stream, Side::value, count)));
        REQUIRE_FALSE(all->pages(0).key_quantized);
      });
      const auto plain = make_cache(parse_cache_spec(text), shape);
      const auto nothing = make_patched_cache(make_cache(parse_cache_spec(text), shape), {kind, {}});
      run(*plain, stream, [](int64_t) {});
      run(*nothing, stream, [](int64_t) {});
      for (const Side side : {Side::key, Side::value}) REQUIRE(same_bits(seen(*nothing, 1, side), seen(*plain, 1, side)));
    }
  }
}

TEST_CASE("patched cache: withholding the outlier channels makes the other channels' error smaller", "[patch]") {
  const CacheShape shape{1, 1, 3, size, Dtype::float16};
  Stream stream = make_stream(shape, tokens, 5);
  for (size_t i = 0; i < stream.key.size(); ++i)
    if (i % size == 7) stream.key[i] = round_to(Dtype::float16, 40.0f + stream.key[i]);
  const CacheSpec spec = parse_cache_spec("hqq:bits=3,group=16,axis=1,residual=0");
  const auto error = [&](PatchKind kind) {
    const auto cache = make_patched_cache(make_cache(spec, shape), {kind, {{0, Side::key, {}, {7}, {}}}});
    run(*cache, stream, [](int64_t) {});
    const std::vector<float> own = seen(*cache, 0, Side::key), exact = of_reference(stream, Side::key, tokens);
    double sum = 0;
    for (size_t i = 0; i < own.size(); ++i) {
      if (i % size == 7) REQUIRE(own[i] == exact[i]);
      sum += (own[i] - exact[i]) * (own[i] - exact[i]);
    }
    return sum;
  };
  CHECK(error(PatchKind::withhold) * 4 < error(PatchKind::exempt));
}

TEST_CASE("patched cache: forks, crop and reset keep the patch", "[patch]") {
  const CacheShape shape{2, 1, 3, size, Dtype::float16};
  const Stream stream = make_stream(shape, tokens, 6), other = make_stream(shape, tokens, 7);
  const Patch patch{PatchKind::exempt, {{1, Side::key, {0}, {2, 3}, {}}, {1, Side::key, {2}, {}, {}}}};
  const auto make = [&] { return make_patched_cache(make_cache(parse_cache_spec(specs[0]), shape), patch); };
  const auto expected = make(), twin = make();
  run(*expected, stream, [](int64_t) {});
  feed(*twin, stream, 0, 9);
  const auto fork = twin->fork();
  feed(*twin, other, 9, 3);
  for (int64_t token = 9; token < tokens; ++token) feed(*fork, stream, token, 1);
  CHECK(same_bits(seen(*fork, 1, Side::key), seen(*expected, 1, Side::key)));
  twin->crop(5);
  CHECK(twin->length(1) == 5);
  twin->reset();
  run(*twin, stream, [](int64_t) {});
  CHECK(same_bits(seen(*twin, 1, Side::key), seen(*expected, 1, Side::key)));
  CHECK(text_of(patch) == "exempt 1.key h0 c2,3 1.key h2");
}

TEST_CASE("patched cache: what the cache does not have is refused", "[patch]") {
  const CacheShape shape{2, 1, 3, size, Dtype::float16};
  for (const PatchPart& part : {PatchPart{2, Side::key, {}, {}, {}}, PatchPart{0, Side::key, {3}, {}, {}},
                                PatchPart{0, Side::key, {}, {size}, {}}, PatchPart{-1, Side::key, {}, {}, {}}})
    CHECK_THROWS_AS(make_patched_cache(make_cache(parse_cache_spec("int4"), shape), {PatchKind::exempt, {part}}), UserError);
}

TEST_CASE("patched cache: restored elements are the source's, all others the quantized cache's bits", "[patch]") {
  const PatchPart parts[] = {{1, Side::key, {}, {}, {}}, {0, Side::value, {1}, {}, {}}, {1, Side::value, {0, 2}, {5}, {}}, {0, Side::key, {}, {}, {{4, 11}}}};
  const CacheShape shape{2, 1, 3, size, Dtype::float16};
  const Stream stream = make_stream(shape, tokens, 8), reference = make_stream(shape, tokens, 9);
  const auto source = std::make_shared<const PatchSource>(
      PatchSource{shape, tokens, {reference.key, reference.key}, {reference.value, reference.value}});
  for (const std::string& text : specs)
    for (const PatchPart& part : parts) {
      const Patch patch{PatchKind::restore, {part}, source};
      INFO(text << " " << text_of(patch));
      const auto plain = make_cache(parse_cache_spec(text), shape), cache = make_patched_cache(make_cache(parse_cache_spec(text), shape), patch);
      feed(*plain, stream, 0, 9);
      int64_t fed = 9;
      run(*cache, stream, [&](int64_t count) {
        for (; fed < count; ++fed) feed(*plain, stream, fed, 1);
        for (const int layer : {0, 1})
          for (const Side side : {Side::key, Side::value}) {
            std::vector<float> expected = seen(*plain, layer, side);
            const std::vector<float> exact = of_reference(reference, side, count);
            for (size_t i = 0; side == part.side && layer == part.layer && i < expected.size(); ++i) {
              const auto at = static_cast<int64_t>(i);
              if (patched(part, at / (count * size) % 3, at / size % count, at % size)) expected[i] = exact[i];
            }
            REQUIRE(same_bits(seen(*cache, layer, side), expected));
          }
      });
    }
}

TEST_CASE("patched cache: a source that is missing, of another shape or too short is refused", "[patch]") {
  const CacheShape shape{2, 1, 3, size, Dtype::float16};
  const Stream stream = make_stream(shape, tokens, 8);
  const auto make = [&](std::shared_ptr<const PatchSource> source) {
    return make_patched_cache(make_cache(parse_cache_spec("int4"), shape), {PatchKind::restore, {{0, Side::key, {}, {}, {}}}, std::move(source)});
  };
  CHECK_THROWS_AS(make(nullptr), InternalError);
  CHECK_THROWS_AS(make(std::make_shared<const PatchSource>(PatchSource{shape, tokens, {stream.key}, {stream.value}})), InternalError);
  CHECK_THROWS_AS(make(std::make_shared<const PatchSource>(PatchSource{shape, tokens + 1, {stream.key, stream.key}, {stream.value, stream.value}})), InternalError);
  const auto cache = make(std::make_shared<const PatchSource>(PatchSource{shape, tokens, {stream.key, stream.key}, {stream.value, stream.value}}));
  feed(*cache, stream, 0, tokens);
  CHECK_THROWS_AS(feed(*cache, stream, 0, 1), InternalError);
}
