#include "harness/diagnose/diagnose.h"
#include "tests/catch.h"
#include "tests/support/tiny_llama.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

struct TinyFolder {
  TemporaryFolder folder;
  TinyFolder() {
    TinyLlama model;
    model.outlier_channels = {};
    write_tiny_llama(folder.path(), model);
  }
  Diagnosis diagnosed(const std::string& spec, int64_t tokens = 72) const {
    Case run;
    run.model = folder.path().string();
    run.prompt.text = "The quick brown fox jumps over the lazy dog";
    run.caches = {parse_cache_spec(spec)};
    run.tokens = tokens;
    run.ignore_eos = true;
    return diagnose(run, {}, {}, {});
  }
};

const FlushSide& last_side(const LaneFlushes& lane) { return lane.flushes.back().sides.back(); }

}  // namespace

TEST_CASE("flush timeline: a history that is encoded at every step compounds, and is named", "[diagnose][flush]") {
  const TinyFolder tiny;
  const Diagnosis found = tiny.diagnosed("hqq:bits=4,group=32,axis=0,residual=1");
  INFO(diagnosis_json(found));
  const LaneFlushes& lane = found.flushes.lanes.at(0);
  CHECK(lane.encodes_again);
  CHECK(lane.flushes.size() == 72);
  CHECK(last_side(lane).most_times == 72);
  CHECK(last_side(lane).chained_over_one_shot() > 1.5);
  CHECK(lane.flushes[0].sides[0].chained_over_one_shot() == 1.0);
  REQUIRE(found.flushes.cost.recovery);
  CHECK(*found.flushes.cost.recovery >= 0.8);
  CHECK(found.cause.name == "re-quantization");
  CHECK(found.cause.evidence.find("is gone") != std::string::npos);
}

TEST_CASE("flush timeline: tokens that are encoded once cannot compound", "[diagnose][flush]") {
  const TinyFolder tiny;
  for (const char* spec : {"hqq:bits=2,group=16,residual=0,schedule=immediate", "int4", "hqq:bits=2,group=16,residual=4,schedule=streaming"}) {
    INFO(spec);
    const Diagnosis found = tiny.diagnosed(spec, 40);
    const LaneFlushes& lane = found.flushes.lanes.at(0);
    CHECK_FALSE(lane.encodes_again);
    CHECK_FALSE(lane.flushes.empty());
    for (const FlushRecord& flush : lane.flushes)
      for (const FlushSide& side : flush.sides) {
        CHECK_FALSE(side.one_shot);
        CHECK(side.changed == 0);
        CHECK(side.most_times == 1);
      }
    CHECK_FALSE(found.flushes.cost.recovery);
    CHECK(found.flushes.cost.reason.find("nothing can compound") != std::string::npos);
    CHECK(found.cause.name != "re-quantization");
  }
}

TEST_CASE("flush timeline: every lane is there, with its KLD on either side", "[diagnose][flush]") {
  const TinyFolder tiny;
  const Diagnosis found = tiny.diagnosed("hqq:bits=2,group=16,residual=4", 40);
  INFO(diagnosis_json(found));
  REQUIRE(found.flushes.lanes.size() == found.lanes.size() - 1);
  for (size_t i = 0; i < found.flushes.lanes.size(); ++i) CHECK(found.flushes.lanes[i].name == found.lanes[i + 1].name);
  const FlushRecord& prompt = found.flushes.lanes[0].flushes.at(0);
  CHECK(prompt.step == 0);
  CHECK(prompt.read_from == 1);
  CHECK(prompt.kld_before == 0.0);
  REQUIRE(prompt.kld_after);
  CHECK(*prompt.kld_after > 0);
  CHECK(found.flushes.lanes[0].flushes.at(1).step == 4);
}

TEST_CASE("error profile: born and arrived, for each layer, side, head and kind of token", "[diagnose][flush]") {
  const TinyFolder tiny;
  const Diagnosis found = tiny.diagnosed("k=hqq:bits=2,group=16,residual=4/v=full", 40);
  REQUIRE(found.errors.layers.size() == 2);
  const LayerErrors &first = found.errors.layers[0], &second = found.errors.layers[1];
  CHECK(*first.output_born > 0);
  CHECK(*second.output_born > 0);
  CHECK(*first.output_born == Approx(*first.output_forced));  // nothing has arrived at the first layer but through the text, which is the reference's
  CHECK(*first.sides[0].written == 0);
  CHECK(*second.sides[0].written > 0);
  CHECK(*first.sides[0].error > 0);
  CHECK(*first.sides[1].error == 0);
  CHECK(first.born.moved_max >= first.born.moved_mean);
  CHECK(*first.born.sink_reference > 0);
  CHECK(first.output_by_head.size() == 4);
  REQUIRE(found.error_maps.size() == 2);
  CHECK(found.error_maps[0].mode == Mode::local);
  CHECK(found.error_maps[1].map.stage == Stage::hidden);
  CHECK(found.error_maps[1].map.relative_l2.size() == 2);
  REQUIRE(found.token_ranges.size() == 3);
  for (const TokenRangeScore& one : found.token_ranges) CHECK(one.exempt);
  CHECK(found.token_ranges[2].first == static_cast<int64_t>(found.prompt.token_ids.size()));
}
