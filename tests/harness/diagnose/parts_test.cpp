#include "harness/diagnose/parts.h"

#include "harness/diagnose/remedies.h"
#include "tests/catch.h"

using namespace kvdiff;

namespace {

bool quantized(const CacheSpec& spec, int64_t layer, Side side, int64_t layers) {
  const LayerSpec sides = layer_spec(spec, layer, layers);
  return !is_full(side == Side::key ? sides.key : sides.value);
}

}  // namespace

TEST_CASE("parts: exempting and quantizing only are each other's complement, and keep the lane", "[diagnose]") {
  constexpr int64_t layers = 5;
  for (const char* text : {"hqq:bits=3,group=16,residual=7", "k=int8/v=hqq:bits=4,group=16", "int4:residual=3",
                           "hqq:bits=2,group=16+0,-1@hqq:bits=8,group=16", "k=hqq:bits=4,group=16,residual=0/v=full"}) {
    const CacheSpec spec = parse_cache_spec(text);
    const Parts all = quantized_parts(spec, layers);
    for (const Part& part : all) {
      const CacheSpec without = exempting(spec, layers, {part}), only = quantizing_only(spec, layers, {part});
      INFO(text << " " << text_of(part) << ": " << without.text << " | " << only.text);
      for (int64_t layer = 0; layer < layers; ++layer)
        for (const Side side : {Side::key, Side::value}) {
          const bool is_part = layer == part.layer && side == part.side;
          CHECK(quantized(without, layer, side, layers) == (quantized(spec, layer, side, layers) && !is_part));
          CHECK(quantized(only, layer, side, layers) == is_part);
        }
      CHECK(without.lane == spec.lane);
      CHECK(only.lane == spec.lane);
      CHECK(parse_cache_spec(without.text) == without);
    }
    CHECK(quantizing_only(spec, layers, all) == exempting(spec, layers, {}));
    for (int64_t layer = 0; layer < layers; ++layer) CHECK(layer_spec(exempting(spec, layers, {}), layer, layers) == layer_spec(spec, layer, layers));
    CHECK(canonical(exempting(spec, layers, all)) == "full");
  }
}

TEST_CASE("remedies: each is another cache, no two are the same, and they say what they are", "[diagnose]") {
  const CacheShape shape{4, 1, 3, 64, Dtype::float16};
  for (const char* text : {"hqq:bits=4,group=64,axis=0,residual=32", "hqq:bits=2,group=64", "int4", "int8", "hqq:bits=8",
                           "k=hqq:bits=4/v=int4:schedule=hf"}) {
    const CacheSpec spec = parse_cache_spec(text);
    const std::vector<Remedy> remedies = remedies_for(spec, shape, {{0, Side::key, -1}, {2, Side::value, -1}});
    CHECK(remedies.size() > 1);
    for (size_t i = 0; i < remedies.size(); ++i) {
      INFO(text << " -> " << remedies[i].name << ": " << remedies[i].spec.text);
      CHECK_FALSE(remedies[i].spec == spec);
      CHECK(parse_cache_spec(remedies[i].spec.text) == remedies[i].spec);
      for (size_t j = 0; j < i; ++j) CHECK_FALSE(remedies[j].spec == remedies[i].spec);
    }
  }
}

TEST_CASE("remedies: the accused alone are changed", "[diagnose]") {
  const CacheShape shape{4, 1, 3, 64, Dtype::float16};
  const CacheSpec spec = parse_cache_spec("hqq:bits=4,group=64,residual=32");
  for (const Remedy& one : remedies_for(spec, shape, {{2, Side::value, -1}})) {
    const LayerSpec guilty = layer_spec(one.spec, 2, 4), other = layer_spec(one.spec, 0, 4);
    if (one.name == "the accused sides at 8 bits") {
      CHECK(guilty.value.values.at("bits") == "8");
      CHECK(guilty.key.values.at("bits") == "4");
      CHECK(other == layer_spec(spec, 0, 4));
    }
    if (one.name == "keys at 8 bits in the accused layers") {
      CHECK(guilty.key.values.at("bits") == "8");
      CHECK(guilty.value.values.at("bits") == "4");
    }
    if (one.name == "the other axis") CHECK(other.key.values.at("axis") == "1");
    if (one.name == "a larger residual") CHECK(one.spec.lane.residual == 128);
  }
}
