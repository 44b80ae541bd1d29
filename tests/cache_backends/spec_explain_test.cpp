#include "cache_backends/spec_explain.h"

#include "cache_backends/error.h"
#include "tests/catch.h"
#include "tests/support/messages.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

constexpr CacheShape smollm2{30, 1, 3, 64, Dtype::float16};

std::string explained(std::string_view text) { return explain(parse_cache_spec(text), smollm2); }

}  // namespace

TEST_CASE("a spec in plain words", "[spec][explain]") {
  const std::string text = explained("hqq:bits=4,group=64,axis=1,residual=32+0,-1@hqq:bits=8,group=64,axis=1");
  CHECK(contains(text, {"hqq:axis=1,residual=32+0,-1@hqq:bits=8,axis=1\n"}));
  CHECK(contains(text, {"every R steps (every step for R = 0 or 1)", "residual R = 32"}));
  CHECK(contains(text, {"runs of 64 neighbours in memory: channels of one token and head"}));
  // 3 heads x (32 bytes of codes + 2 of scale + 2 of zero) of 384.
  CHECK(contains(text, {"bytes: 108.0 per token and layer", "FP16 has 384 (saving 71.9 %)"}));
  CHECK(contains(text, {"but layers 0,29:"}));
  CHECK(contains(text, {"transformers cache_config: cannot say it: transformers has one cache_config for all layers"}));
}

TEST_CASE("strided groups are told for what they are", "[spec][explain]") {
  const std::string text = explained("hqq");
  CHECK(contains(text, {"64 elements at equal distances over the whole tensor"}));
  CHECK(contains(text, {"4 channels share a scale at 48 tokens, 64 channels share a scale at 49 tokens, 1 channel has"}));
  CHECK(contains(explained("hqq:group=128,axis=1"), {"2 consecutive tokens of one head"}));
  CHECK(contains(explained("hqq:group=48,axis=1"), {"heads of 64 do not divide: groups straddle tokens"}));
}

TEST_CASE("every schedule and side has its words", "[spec][explain]") {
  CHECK(contains(explained("full"), {"FP16 has 384 (saving 0.0 %)", "llama.cpp: -ctk f16 -ctv f16"}));
  CHECK(contains(explained("full:dtype=float32"), {"saving -100.0 %"}));
  const std::string sides = explained("k=full/v=hqq:schedule=streaming,prefill=quantized");
  CHECK(contains(sides, {"keys: full", "values: hqq", "the cache, once encoded"}));
  CHECK_THROWS_AS(explained("hqq+30@full"), UserError);
}
