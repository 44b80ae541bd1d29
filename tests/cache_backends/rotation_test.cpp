#include "cache_backends/rotation.h"

#include <bit>
#include <cmath>

#include "cache_backends/error.h"
#include "cache_backends/kv_cache.h"
#include "harness/model/attention.h"
#include "tests/catch.h"

using namespace kvdiff;

namespace {

std::vector<float> drawn(size_t count, uint64_t seed, float outlier = 1.0f) {
  std::vector<float> values(count);
  uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (size_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    values[i] = round_to(Dtype::float16, static_cast<float>(static_cast<int32_t>(state >> 33) - (1 << 30)) / (1 << 30));
    if (i % 64 == 5) values[i] = round_to(Dtype::float16, values[i] * outlier);
  }
  return values;
}

// Row `to` of H / sqrt(n) by its definition: the sign is the parity of the bits that both indices have.
double dense(const std::vector<float>& x, size_t first, size_t n, size_t to) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += (std::popcount(i & to) % 2 ? -1.0 : 1.0) * x[first + i];
  return sum / std::sqrt(static_cast<double>(n));
}

std::unique_ptr<KvCache> filled(const char* spec, const std::vector<float>& key, const std::vector<float>& value, int64_t tokens) {
  const CacheShape shape{.layers = 1, .batch = 1, .heads = 1, .head_size = 64, .dtype = Dtype::float16};
  auto cache = make_cache(parse_cache_spec(spec), shape);
  for (int64_t t = 0; t < tokens; ++t) {
    const auto part = [&](const std::vector<float>& x) { return std::span(x).subspan(static_cast<size_t>(64 * t), 64); };
    cache->append(0, {part(key), part(value), 1});
  }
  return cache;
}

double largest_distance(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(double{a[i]} - b[i]));
  return largest;
}

}  // namespace

TEST_CASE("rotation: Hadamard's matrix over the root of its size, in blocks", "[rotation]") {
  for (const size_t block : {size_t{64}, size_t{128}, size_t{256}}) {
    const std::vector<float> x = drawn(512, block);
    std::vector<float> y = x;
    rotate(y, static_cast<int64_t>(block));
    for (size_t i = 0; i < y.size(); ++i)
      CHECK(std::fabs(y[i] - dense(x, i / block * block, block, i % block)) <= 1e-6 * std::sqrt(double(block)));
    rotate(y, static_cast<int64_t>(block));
    CHECK(largest_distance(x, y) < 1e-5);
  }
  std::vector<float> unit(64);
  unit[0] = 1;
  rotate(unit, 64);
  CHECK(unit == std::vector<float>(64, 0.125f));
}

TEST_CASE("rotation: keys in the largest block that fits, values in 64, other head sizes refused", "[rotation]") {
  CHECK(rotation_block(Side::key, 64) == 64);
  CHECK(rotation_block(Side::key, 128) == 128);
  CHECK(rotation_block(Side::key, 192) == 64);
  CHECK(rotation_block(Side::value, 256) == 64);
  CHECK_THROWS_AS(rotation_block(Side::key, 80), UserError);
}

TEST_CASE("rotation: the prompt is read as it came, then from rotated codes", "[rotation]") {
  const std::vector<float> key = drawn(64 * 40, 1, 30), value = drawn(64 * 40, 2);
  const auto first = filled("int8:rotate=hadamard", key, value, 1);
  CHECK(first->pages(0).key_rotation == 0);
  CHECK(decoded(first->pages(0), Side::key, first->shape()) == std::vector<float>(key.begin(), key.begin() + 64));
  const auto cache = filled("k=int8:rotate=hadamard/v=int8", key, value, 40);
  CHECK(cache->pages(0).key_rotation == 64);
  CHECK(cache->pages(0).value_rotation == 0);
  CHECK(largest_distance(decoded(cache->pages(0), Side::key, cache->shape()), key) < 0.2);
}

TEST_CASE("rotation: an outlier channel costs the others less", "[rotation]") {
  const std::vector<float> key = drawn(64 * 40, 3, 30), value = drawn(64 * 40, 4);
  const auto error = [&](const char* spec) {
    const auto cache = filled(spec, key, value, 40);
    const std::vector<float> back = decoded(cache->pages(0), Side::key, cache->shape());
    double sum = 0;
    for (size_t i = 0; i < key.size(); ++i) sum += (back[i] - key[i]) * (back[i] - key[i]);
    return std::sqrt(sum / static_cast<double>(key.size()));
  };
  CHECK(error("int4:rotate=hadamard") < 0.6 * error("int4"));
}

TEST_CASE("rotation: attention rotates its query, and its output back", "[rotation]") {
  const std::vector<float> key = drawn(64 * 40, 5), value = drawn(64 * 40, 6), query = drawn(2 * 64, 7);
  const AttentionShape shape{.heads = 2, .kv_heads = 1, .head_size = 64, .scale = 0.125f, .dtype = Dtype::float32, .eager = false};
  const auto output = [&](const char* spec) {
    AttentionScratch scratch;
    std::vector<float> logits(2 * 40), probs(2 * 40);
    const AttentionMaps maps{logits.data(), probs.data()};
    std::vector<float> out(query.size());
    attend_one(shape, filled(spec, key, value, 40)->pages(0), query.data(), scratch, maps, out.data());
    out.insert(out.end(), logits.begin(), logits.end());
    return out;
  };
  const std::vector<float> exact = output("full");
  CHECK(largest_distance(exact, output("int8:rotate=hadamard")) < 0.02);
  CHECK(largest_distance(exact, output("int8:rotate=hadamard")) > 0);
}

TEST_CASE("rotation: a key of every codec but full", "[rotation]") {
  CHECK(canonical(parse_cache_spec("hqq:rotate=hadamard,bits=4")) == "hqq:rotate=hadamard");
  CHECK(canonical(parse_cache_spec("int8:rotate=none")) == "int8");
  CHECK_THROWS_AS(parse_cache_spec("full:rotate=hadamard"), UserError);
}
