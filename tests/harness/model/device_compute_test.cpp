#include <cmath>
#include <limits>

#include "cache_backends/kernels/simd.h"
#include "harness/model/compute.h"
#include "tests/cache_backends/device/test_device.h"
#include "tests/cache_backends/device/watched_device.h"
#include "tests/catch.h"
#include "tests/support/random.h"

// Every operation of a Compute over drawn shapes: host scalar = host SIMD = emulated threads, bit for bit, in memory that the
// host cannot touch; and, smaller, with every access watched for races, in three orders of threads.
using namespace kvdiff;

namespace {

constexpr Dtype dtypes[] = {Dtype::float32, Dtype::float16, Dtype::bfloat16};

std::vector<float> drawn(test::Random& random, int64_t count, Dtype dtype) {
  std::vector<float> values = random.normals(count);
  for (float& value : values) value = round_to(dtype, value);
  if (count > 3) values[static_cast<size_t>(random.below(static_cast<uint64_t>(count)))] = -0.0f;
  return values;
}

bool same(const std::vector<float>& left, const std::vector<float>& right) {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i)
    if (std::bit_cast<uint32_t>(left[i]) != std::bit_cast<uint32_t>(right[i]) && !(std::isnan(left[i]) && std::isnan(right[i]))) return false;
  return true;
}

// What a task gives on the host at each SIMD level, and on a device.
template <class Task>
void check_triangle(device::Device& device, ThreadPool& pool, const Task& task) {
  const auto on_device = make_device_compute(device), host = make_host_compute(pool);
  set_active_simd(Simd::scalar);
  const std::vector<float> expected = task(*host);
  for (const Simd simd : {Simd::avx2, Simd::avx512}) {
    if (!supported(simd)) continue;
    set_active_simd(simd);
    CHECK(same(task(*host), expected));
  }
  set_active_simd(best_simd());
  CHECK(same(task(*on_device), expected));
}

struct LayerShape {
  int64_t rows, inputs, outputs, head_size;
};
const LayerShape layer_shapes[] = {{1, 1, 1, 2}, {1, 33, 17, 4}, {3, 64, 96, 16}, {5, 257, 131, 2}, {9, 600, 40, 8}};

std::vector<float> layer(const Compute& compute, const LayerShape& shape, Dtype dtype, ThreadPool& pool) {
  test::Random random(static_cast<uint64_t>(shape.inputs + 7));
  std::vector<float> out;
  const auto keep = [&](const Values& values) {
    const std::vector<float> read = compute.read(values.span());
    out.insert(out.end(), read.begin(), read.end());
  };
  const std::vector<float> weights = drawn(random, shape.inputs * shape.outputs, dtype);
  const auto weight = compute.keep(WeightMatrix(shape.outputs, shape.inputs, dtype, [&](int64_t row, std::span<float> to) {
    std::copy_n(weights.begin() + row * shape.inputs, shape.inputs, to.begin());
  }, pool));
  Values x, bias, y, norm, normed, up, angles, taken;
  compute.set(x, drawn(random, shape.rows * shape.inputs, dtype));
  compute.set(bias, drawn(random, shape.outputs, dtype));
  compute.set(norm, drawn(random, shape.inputs, dtype));
  compute.resize(normed, x.size);
  compute.normalize(x.span(), norm, 1e-5f, dtype, normed.span());
  keep(normed);
  compute.resize(y, shape.rows * shape.outputs);
  for (const Values& with : {bias, Values{}}) {
    compute.linear(*weight, with, normed.span(), dtype, y.span());
    keep(y);
  }
  compute.set(up, drawn(random, y.size, dtype));
  compute.silu_multiply(dtype, y.span(), up.span());
  keep(y);
  compute.add(dtype, y.span(), up.span());
  keep(y);
  const int64_t heads = shape.outputs / shape.head_size;
  Values turned;
  compute.set(turned, drawn(random, shape.rows * heads * shape.head_size, dtype));
  compute.set(angles, drawn(random, shape.rows * shape.head_size, dtype));
  if (heads > 0) compute.rotate(turned.span(), angles, shape.head_size, dtype);
  keep(turned);
  std::vector<int32_t> tokens;
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < 4; ++i) {
    tokens.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(shape.outputs))));
    rows.push_back(static_cast<int64_t>(random.below(static_cast<uint64_t>(shape.rows))));
  }
  Values embedded;
  compute.resize(embedded, 4 * shape.inputs);
  compute.embed(*weight, tokens, embedded.span());
  keep(embedded);
  compute.resize(taken, 4 * shape.inputs);
  compute.take_rows(x.span(), rows, shape.inputs, taken.span());
  keep(taken);
  return out;
}

struct CacheCase {
  const char* spec;
  int64_t heads, kv_heads, head_size, prompt, tokens;
};
const CacheCase cache_cases[] = {
    {"full", 1, 1, 64, 1, 1},
    {"hqq:bits=4,group=64,residual=4", 9, 3, 64, 11, 6},
    {"hqq:bits=3,group=16,axis=1,residual=5", 4, 2, 80, 7, 9},
    {"hqq:bits=1,group=8,residual=3", 2, 1, 96, 5, 5},
    {"k=hqq:bits=8,group=128,axis=1,residual=2/v=hqq:bits=2,group=32,residual=2", 3, 3, 128, 6, 4},
    {"int8", 4, 1, 256, 3, 3},
    {"int4:scheme=zero", 2, 2, 80, 4, 3},
    {"int8:per=channel,scale=frozen", 2, 1, 64, 9, 3},
    {"quanto:bits=2,group=16,axis=-1,residual=4", 2, 2, 64, 16, 1},
    {"quanto:bits=4,group=32,residual=4", 4, 2, 96, 8, 6},
    {"kivi:bits=2,group=32,residual=32", 2, 1, 64, 70, 3},
    {"k=q8_0/v=iq4_nl", 4, 2, 64, 5, 3},
    {"k=q5_1:rotate=hadamard/v=q4_0:rotate=hadamard", 2, 2, 128, 5, 3},
    {"hf-fp8", 3, 1, 80, 4, 4},
    {"fp8", 2, 2, 256, 300, 2}};

// A prompt attended to in one pass, then tokens one by one, and what the cache holds in the end.
std::vector<float> attended(const Compute& compute, const CacheCase& one, Dtype dtype, bool eager) {
  test::Random random(static_cast<uint64_t>(one.head_size + one.prompt));
  const AttentionShape shape{one.heads, one.kv_heads, one.head_size, 1.0f / std::sqrt(static_cast<float>(one.head_size)), dtype, eager};
  const auto cache = make_cache(parse_cache_spec(one.spec), {1, 1, one.kv_heads, one.head_size, dtype}, compute.memory());
  std::vector<float> out;
  const auto keep = [&](const Values& values) {
    const std::vector<float> read = compute.read(values.span());
    out.insert(out.end(), read.begin(), read.end());
  };
  for (int64_t step = 0; step <= one.tokens; ++step) {
    const int64_t fresh = step == 0 ? one.prompt : 1;
    Values key, value, query, result;
    compute.set(key, drawn(random, one.kv_heads * fresh * one.head_size, dtype));
    compute.set(value, drawn(random, one.kv_heads * fresh * one.head_size, dtype));
    compute.set(query, drawn(random, fresh * one.heads * one.head_size, dtype));
    compute.resize(result, query.size);
    cache->append(0, {key.span(), value.span(), fresh});
    const KvPages pages = cache->pages(0);
    const QueryRows rows{&pages, query.span().data(), fresh, pages.tokens - fresh + 1, result.span().data()};
    compute.attend_rows(shape, {&rows, 1});
    keep(result);
    if (step == 0) continue;
    AttentionMap map;
    compute.attend_one(shape, pages, query.span().data(), map, result.span().data(), 0);
    for (const Values* values : {&result, &map.logits, &map.probs}) keep(*values);
  }
  const KvPages pages = cache->pages(0);
  for (const Side side : {Side::key, Side::value}) keep(compute.read_back(pages, side, shape, 1, pages.tokens - 1 + (pages.tokens == 1)));
  return out;
}

}  // namespace

TEST_CASE("device compute: layers over drawn shapes", "[device][compute]") {
  ThreadPool pool(1);
  for (const Dtype dtype : dtypes)
    for (const LayerShape& shape : layer_shapes) {
      const auto device = test::test_device();
      INFO(name_of(dtype) << " " << shape.rows << " x " << shape.inputs << " -> " << shape.outputs);
      check_triangle(*device, pool, [&](const Compute& compute) { return layer(compute, shape, dtype, pool); });
    }
}

TEST_CASE("device compute: caches and attention over drawn shapes", "[device][compute]") {
  ThreadPool pool(1);
  size_t turn = 0;
  for (const CacheCase& one : cache_cases) {
    const Dtype dtype = dtypes[++turn % 3];
    for (const bool eager : {false, true}) {
      const auto device = test::test_device();
      INFO(one.spec << " " << name_of(dtype) << " head size " << one.head_size);
      check_triangle(*device, pool, [&](const Compute& compute) { return attended(compute, one, dtype, eager); });
    }
  }
}

TEST_CASE("device compute: a codec without kernels is refused by name before anything runs", "[device][compute]") {
  const auto device = device::make_emulated_device();
  const auto compute = make_device_compute(*device);
  const CacheSpec spec = parse_cache_spec("hqq:group=16,arithmetic=torch");
  CHECK_THROWS_WITH(make_cache(spec, {1, 1, 1, 64, Dtype::float16}, compute->memory()), Catch::Contains("arithmetic=torch") && Catch::Contains("--device cpu"));
}

TEST_CASE("device compute: no race, and the same bits in every order of threads and blocks", "[device][compute]") {
  ThreadPool pool(1);
  for (const device::Turns turns : {device::Turns::forward, device::Turns::reverse, device::Turns::random}) {
    device::test::WatchedDevice device(turns, 3);
    for (const LayerShape& shape : {LayerShape{2, 33, 17, 4}, LayerShape{5, 260, 18, 2}})
      check_triangle(device, pool, [&](const Compute& compute) { return layer(compute, shape, Dtype::float16, pool); });
    for (const CacheCase& one : {CacheCase{"hqq:bits=4,group=16,residual=2", 4, 2, 16, 5, 3}, CacheCase{"fp8", 3, 1, 32, 260, 1}})
      check_triangle(device, pool, [&](const Compute& compute) { return attended(compute, one, Dtype::float16, true); });
  }
}
