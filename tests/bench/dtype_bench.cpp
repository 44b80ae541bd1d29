#include <benchmark/benchmark.h>

#include <vector>

#include "cache_backends/dtype.h"

namespace kvdiff {
namespace {

// Every 16-bit rounding of the model and every store of a full-precision cache goes through these.
void round_values(benchmark::State& state, Dtype dtype) {
  std::vector<float> values(4096);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.37f - 700.0f;
  for (auto _ : state)
    for (float value : values) benchmark::DoNotOptimize(round_to(dtype, value));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(values.size()));
}

BENCHMARK_CAPTURE(round_values, float16, Dtype::float16);
BENCHMARK_CAPTURE(round_values, bfloat16, Dtype::bfloat16);

}  // namespace
}  // namespace kvdiff
