#include "cache_backends/cache_spec.h"

#include <fmt/format.h>

#include <random>

#include "cache_backends/error.h"
#include "cache_backends/registry.h"
#include "tests/catch.h"
#include "tests/support/messages.h"

using namespace kvdiff;

namespace {

std::string message_of(std::string_view text) {
  try {
    const CacheSpec spec = parse_cache_spec(text);
    return "accepted as " + canonical(spec);
  } catch (const UserError& error) {
    CHECK(error.code() == ExitCode::usage);
    return error.what();
  }
}

bool says(std::string_view text, std::initializer_list<std::string_view> pieces) {
  const std::string message = message_of(text);
  UNSCOPED_INFO(text << " -> " << message);
  for (const auto piece : pieces) {
    if (message.find(piece) == std::string::npos) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("the spellings of the grammar and their canonical form", "[spec]") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"full", "full"},
      {"full:dtype=bfloat16", "full:dtype=bfloat16"},
      {"hqq", "hqq"},
      {"hqq:bits=4,group=64,axis=0,residual=128", "hqq"},
      {"hqq:bits=4,group=64,axis=1,residual=128", "hqq:axis=1"},
      {"hqq:residual=32,axis=1,bits=2", "hqq:bits=2,axis=1,residual=32"},
      {"hqq:group=00032", "hqq:group=32"},
      {"hqq:schedule=hf,prefill=full", "hqq"},
      {"hqq:prefill=quantized,schedule=hf-5.15", "hqq:schedule=hf-5.15,prefill=quantized"},
      {"int8", "int8"},
      {"int8:residual=0", "int8"},
      {"int8:residual=64", "int8:residual=64"},
      {"int8:schedule=hf", "int8:schedule=hf"},
      {"int8:schedule=hf,residual=128", "int8:schedule=hf"},
      {"int8:schedule=hf,residual=0", "int8:schedule=hf,residual=0"},
      {"k=int8:per=channel/v=hqq:bits=4,group=64", "k=int8:per=channel/v=hqq"},
      {"k=hqq/v=hqq", "hqq"},
      {"k=full/v=hqq:residual=16", "k=full:residual=16/v=hqq"},
      {"hqq:bits=4,group=64+0,-1@hqq:bits=8,group=64", "hqq+0,-1@hqq:bits=8"},
      {"full+3@hqq:bits=2", "full+3@hqq:bits=2"},
      {"full+3@int8", "full+3@int8"},
      {"hqq+-1,2,0,1,5-9,7-12,-3,-1@full", "hqq+0-2,5-12,-1,-3@full"},
      {"hqq+0@k=full/v=hqq:bits=8,residual=7", "hqq:residual=7+0@k=full/v=hqq:bits=8"},
      {"hqq:residual=7+0@int8:residual=7", "hqq:residual=7+0@int8"},
  };
  for (const auto& [text, expected] : table) {
    INFO(text);
    const CacheSpec spec = parse_cache_spec(text);
    CHECK(spec.text == text);
    CHECK(canonical(spec) == expected);
    CHECK(parse_cache_spec(expected) == spec);
  }
}

TEST_CASE("defaults are those of the codec's peer", "[spec]") {
  const CacheSpec hqq = parse_cache_spec("hqq");
  CHECK(hqq.lane == LaneSpec{"hf", 128, "full"});
  CHECK(hqq.base.key.values == hqq.base.value.values);
  CHECK(hqq.base.key.values.at("bits") == "4");
  CHECK(hqq.base.key.values.at("group") == "64");
  CHECK(hqq.base.key.values.at("axis") == "0");
  CHECK(parse_cache_spec("int8").lane == LaneSpec{"immediate", 0, "full"});
  CHECK(parse_cache_spec("hqq:schedule=streaming").lane == LaneSpec{"streaming", 128, "full"});
  CHECK(parse_cache_spec("full").lane == LaneSpec{"full", 0, "full"});
  CHECK(parse_cache_spec("k=int8/v=hqq").lane.schedule == "hf");
  CHECK(parse_cache_spec("k=hqq/v=int8").lane.schedule == "hf");
  CHECK(parse_cache_spec("k=full/v=int8").lane.schedule == "immediate");
  CHECK(parse_cache_spec("int8+0@hqq").lane.schedule == "immediate");
  CHECK(parse_cache_spec("full+0@hqq").lane.schedule == "hf");
}

TEST_CASE("the last override that names a layer wins", "[spec]") {
  const CacheSpec spec = parse_cache_spec("hqq+0-4@int8+2,-1@full");
  const auto codec = [&](int64_t layer) { return layer_spec(spec, layer, 8).key.codec; };
  CHECK(codec(0) == "int8");
  CHECK(codec(2) == "full");
  CHECK(codec(4) == "int8");
  CHECK(codec(5) == "hqq");
  CHECK(codec(7) == "full");
  CHECK(test::contains(test::user_error([&] { layer_spec(spec, 0, 4); }), {"layer 4", "0 to 3"}));
  CHECK_THROWS_AS(layer_spec(parse_cache_spec("hqq+-9@full"), 0, 8), UserError);
  CHECK_NOTHROW(layer_spec(parse_cache_spec("hqq+-8@full"), 0, 8));
}

TEST_CASE("errors name the bad key, the legal values and the nearest match", "[spec]") {
  CHECK(says("hqq:bit=4", {"'bit'", "bits (1, 2, 3, 4, 8)", "residual (a whole number from 0)", "Did you mean 'bits'"}));
  CHECK(says("hqq:bits=5", {"bits='5'", "1, 2, 3, 4, 8", "mean '4'"}));
  CHECK(says("hqq:solver=offf", {"solver='offf'", "on, off", "mean 'off'"}));
  CHECK(says("hq", {"'hq'", "full, hqq, quanto, int8", "'hqq'"}));
  CHECK(says("HQQ", {"'HQQ'", "'hqq'"}));
  CHECK(says("hqq:Bits=4", {"'Bits'", "Did you mean 'bits'"}));
  CHECK(says("hqq:group=0", {"group='0'", "whole number from 1"}));
  CHECK(says("hqq:group=-64", {"group='-64'"}));
  CHECK(says("hqq:group=99999999999999999999999", {"whole number from 1 to 1000000000"}));
  CHECK(says("hqq:residual=-1", {"residual='-1'", "from 0"}));
  CHECK(says("hqq:residual=1e3", {"residual='1e3'"}));
  CHECK(says("hqq:residual=4294967296", {"residual='4294967296'"}));
  CHECK(says("hqq:schedule=kivi", {"schedule='kivi'", "hf, hf-5.15, hf-4.54, streaming, immediate"}));
  CHECK(says("hqq:schedule=streeming", {"Did you mean 'streaming'"}));
  CHECK(says("hqq:prefill=codes", {"prefill='codes'", "full, quantized"}));
  CHECK(says("hqq:bits=4,bits=4", {"'bits'", "twice"}));
  CHECK(says("hqq:residual=4,residual=4", {"'residual'", "twice"}));
  CHECK(says("k=hqq:residual=4/v=hqq:residual=8", {"residual", "'4'", "'8'", "whole cache"}));
  CHECK(says("hqq:schedule=hf+0@hqq:bits=8,schedule=streaming", {"schedule", "'hf'", "'streaming'"}));
  CHECK(says("hqq:schedule=streaming,residual=0", {"residual=0", "1 or more"}));
  CHECK(says("hqq:schedule=full", {"schedule=full"}));
  CHECK(says("int8:per=channel", {"int8:per=channel", "one at a time", "scale=frozen", "streaming or hf"}));
  CHECK(says("int8+3@k=full/v=int4:per=tensor", {"int4:per=tensor", "scale=frozen"}));
  CHECK(says("int8:per=channel,scale=frozen", {"accepted as int8:per=channel,scale=frozen"}));
  CHECK(says("int8:per=channel,schedule=hf", {"accepted as int8:per=channel,schedule=hf"}));
  CHECK(says("full:schedule=hf", {"leave schedule out"}));
  CHECK(says("full:residual=4", {"residual"}));
}

TEST_CASE("pieces that do not fit the grammar are quoted", "[spec]") {
  CHECK(says("", {"expected a cache such as"}));
  CHECK(says(":bits=4", {"a name is missing"}));
  CHECK(says("hqq:", {"''", "KEY=VALUE"}));
  CHECK(says("hqq:bits=4,", {"''"}));
  CHECK(says("hqq:bits=4,,group=64", {"''"}));
  CHECK(says("hqq:bits", {"'bits'"}));
  CHECK(says("hqq:=4", {"'=4'"}));
  CHECK(says("hqq:bits=", {"'bits='"}));
  CHECK(says("hqq:bits=4=4", {"'bits=4=4'"}));
  CHECK(says("hqq: bits=4", {"' bits'"}));
  CHECK(says("k=hqq", {"k=NAME"}));
  CHECK(says("v=hqq/k=hqq", {"keys first"}));
  CHECK(says("hqq/int8", {"k=NAME"}));
  CHECK(says("k=hqq/v=hqq/v=hqq", {"both given"}));
  CHECK(says("hqq+", {"LAYERS@CACHE"}));
  CHECK(says("hqq+hqq", {"LAYERS@CACHE"}));
  CHECK(says("hqq+@hqq", {"''", "is not a layer"}));
  CHECK(says("hqq+0,@hqq", {"''"}));
  CHECK(says("hqq+7-3@hqq", {"'7-3'"}));
  CHECK(says("hqq+-0@hqq", {"'-0'"}));
  CHECK(says("hqq+-3--1@hqq", {"'-3--1'"}));
  CHECK(says("hqq+x@hqq", {"'x'"}));
  CHECK(says("hqq+0@", {"a name is missing"}));
  CHECK(says("hqq\n\x01", {"\\x0a\\x01"}));
  CHECK(says(std::string(5000, 'h'), {"5000 characters"}));
}

namespace {

class Draw {
 public:
  explicit Draw(uint32_t seed) : random_(seed) {}
  uint32_t below(size_t count) { return static_cast<uint32_t>(random_() % count); }
  bool coin() { return below(2) == 0; }

  std::string side() {
    const CodecRow& row = codecs()[below(codecs().size())];
    std::vector<std::string> values;
    for (const SpecKey& key : row.keys()) {
      if (coin()) continue;
      values.push_back(key.name + "=" + (key.choices.empty() ? std::to_string(1 + below(200)) : key.choices[below(key.choices.size())]));
    }
    std::shuffle(values.begin(), values.end(), random_);
    return std::string(row.name) + (values.empty() ? "" : fmt::format(":{}", fmt::join(values, ",")));
  }
  std::string body() { return coin() ? side() : fmt::format("k={}/v={}", side(), side()); }
  std::string layers() {
    std::string text = std::to_string(below(4));
    if (coin()) text += fmt::format(",{}-{}", 3 + below(2), 5 + below(4));
    if (coin()) text += fmt::format(",-{}", 1 + below(3));
    return text;
  }
  std::string spec() {
    std::string text = body();
    for (uint32_t i = below(3); i > 0; --i) text += fmt::format("+{}@{}", layers(), body());
    // The lane's keys may stand on any side: here behind the last.
    const bool colon = text.find(':', text.find_last_of("/@+") == std::string::npos ? 0 : text.find_last_of("/@+")) != std::string::npos;
    if (coin()) text += fmt::format("{}residual={}", colon ? "," : ":", 1 + below(300));
    return text;
  }

 private:
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("parse(canonical(spec)) is the spec, and the canonical form is its own", "[spec]") {
  Draw draw(20261123);
  int accepted = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string text = draw.spec();
    CacheSpec spec;
    try {
      spec = parse_cache_spec(text);
    } catch (const UserError&) {
      continue;  // a residual on full precision, a shared scale that is not frozen under immediate
    }
    ++accepted;
    const std::string plain = canonical(spec);
    const CacheSpec again = parse_cache_spec(plain);
    INFO(text << " -> " << plain);
    REQUIRE(again == spec);
    REQUIRE(canonical(again) == plain);
    for (int64_t layer = 0; layer < 12; ++layer) REQUIRE(layer_spec(again, layer, 12) == layer_spec(spec, layer, 12));
  }
  CHECK(accepted > 2500);
}
