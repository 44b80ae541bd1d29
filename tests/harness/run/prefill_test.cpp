#include <cstring>

#include "tests/catch.h"
#include "tests/support/engine_fixture.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

std::unique_ptr<Stream> full_stream(Engine& engine) {
  const CacheShape shape = engine.model.shape().cache();
  return std::make_unique<Stream>(0, Mode::forced, make_cache(parse_cache_spec("full"), shape), shape.layers);
}

}  // namespace

TEST_CASE("prefill: any cutting of the prompt gives the same bits", "[prefill]") {
  for (const Dtype dtype : {Dtype::float16, Dtype::bfloat16, Dtype::float32})
    for (const bool eager : {false, true}) {
      TinyEngine tiny({.dtype = dtype, .eager = eager, .threads = 2});
      const std::vector<int32_t> prompt = some_prompt(301);
      auto whole = full_stream(tiny.engine());
      const std::vector<float> expected = prefill(tiny.engine(), *whole, prompt, 0);
      for (const int64_t piece : {1, 7, 64, 100, 256, 300}) {
        auto pieces = full_stream(tiny.engine());
        const std::vector<float> got = prefill(tiny.engine(), *pieces, prompt, piece);
        CHECK(std::memcmp(expected.data(), got.data(), got.size() * sizeof(float)) == 0);
        CHECK(hex_of_layers(pieces->digest.key) == hex_of_layers(whole->digest.key));
        CHECK(hex_of_layers(pieces->digest.value) == hex_of_layers(whole->digest.value));
      }
    }
}

TEST_CASE("recomputation: no cache at all gives the bits of generation with the full-precision cache", "[prefill]") {
  for (const Dtype dtype : {Dtype::float16, Dtype::float32})
    for (const auto& [heads, kv_heads] : std::vector<std::pair<int64_t, int64_t>>{{4, 4}, {4, 2}, {8, 1}}) {
      TinyLlama model;
      model.heads = heads;
      model.kv_heads = kv_heads;
      model.tied = heads != 4;
      model.attention_bias = model.mlp_bias = kv_heads == 2;
      TinyEngine tiny({.tiny = model, .dtype = dtype});
      const LockstepInput input = lockstep_of({"int8"}, 30, 40);
      const LockstepResult result = run_lockstep(tiny.engine(), input, {});
      std::vector<int32_t> fed = input.prompt;
      fed.insert(fed.end(), result.followed.begin(), result.followed.end() - 1);
      CHECK(recompute(tiny.engine(), *result.lanes[0].forced, fed, 29).difference == "");
      CHECK(recompute(tiny.engine(), *result.lanes[2].forced, fed, 29).difference != "");
      fed[12] ^= 1;
      CHECK(recompute(tiny.engine(), *result.lanes[0].forced, fed, 29).difference == "keys of layer 0");
    }
}
