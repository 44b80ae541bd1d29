#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "cache_backends/registry.h"

namespace kvdiff {
namespace {

const BlockShape block = {1, 3, 300, 64};

// Keys as SmolLM2 has them: a few channels far out. Without them most errors are too small to be shrunk.
std::vector<float> drawn(float outlier) {
  std::vector<float> values(static_cast<size_t>(block.elements()));
  uint32_t state = 12345;
  for (size_t i = 0; i < values.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    values[i] = (static_cast<float>(state >> 8) / (1 << 23) - 1.0f) * (i % 16 == 3 ? outlier : 2.0f);
  }
  return values;
}

// Elements per second of a whole encoding, solver on. Two threads: two lanes, each with a block of its own.
void encode(benchmark::State& state, const char* spec, float outlier) {
  const SideSpec side = parse_cache_spec(spec).base.key;
  const auto codec = find_codec("hqq").make(side, Side::key);
  const std::vector<float> values = drawn(outlier);
  for (auto _ : state) benchmark::DoNotOptimize(codec->encode(values, block, Dtype::float16).packed.data());
  state.SetItemsProcessed(state.iterations() * block.elements());
}

BENCHMARK_CAPTURE(encode, hqq_4_bits_axis_0_outliers, "hqq:bits=4", 24.0f)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK_CAPTURE(encode, hqq_4_bits_axis_1_outliers, "hqq:bits=4,axis=1", 24.0f)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK_CAPTURE(encode, hqq_2_bits_axis_0_outliers, "hqq:bits=2", 24.0f)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK_CAPTURE(encode, hqq_4_bits_axis_0, "hqq:bits=4", 2.0f)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK_CAPTURE(encode, hqq_8_bits_axis_0_outliers, "hqq:bits=8", 24.0f)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace kvdiff
