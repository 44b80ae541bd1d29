#include "harness/diagnose/diagnose.h"

#include <nlohmann/json.hpp>

#include "cache_backends/faults/bit_fault.h"
#include "cache_backends/error.h"
#include "harness/diagnose/questions.h"
#include "tests/catch.h"
#include "tests/harness/diagnose/tiny_folder.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

// Outliers in the keys of a coarse cache whose groups are the channels of one token: the outliers stretch every group.
TinyLlama with_outliers(float scale) {
  TinyLlama model;
  model.outlier_channels = {1};
  model.outlier_scale = scale;
  return model;
}

}  // namespace

TEST_CASE("diagnose: planted outlier channels are found, named and proved", "[diagnose]") {
  const TinyFolder tiny(with_outliers(64));
  const Diagnosis found = diagnose(tiny.ask("k=hqq:bits=4,group=16,axis=1,residual=0/v=full"), {}, {}, {});
  INFO(diagnosis_json(found));
  CHECK(found.exit_code == 0);
  CHECK(found.cause.name == "outlier channels");
  REQUIRE_FALSE(found.place.set.parts.empty());
  CHECK(found.place.set.recovery >= 0.8);
  for (const Part& part : found.place.set.parts) CHECK(part.side == Side::key);
  REQUIRE_FALSE(found.place.channels.empty());
  for (const AccusedChannels& one : found.place.channels)
    for (const int64_t channel : one.channels) CHECK((channel == 1 || channel == 9));
  REQUIRE(found.questions.size() == 4);
  CHECK(found.questions[0].answer == Answer::no);  // random weights speak no UTF-8: it is not the cache alone
  CHECK(found.questions[1].answer == Answer::yes);
}

TEST_CASE("diagnose: without outliers it is not outliers", "[diagnose]") {
  const TinyFolder tiny(with_outliers(1));
  const Diagnosis found = diagnose(tiny.ask("k=hqq:bits=2,group=16,axis=1,residual=0/v=full"), {}, {}, {});
  INFO(diagnosis_json(found));
  CHECK(found.exit_code == 0);
  CHECK(found.cause.name == "precision");
  CHECK_FALSE(found.cure.name.empty());
  CHECK(found.cure.recovery >= 0.8);
}

TEST_CASE("diagnose: the set that it names recovers when it is asked again", "[diagnose]") {
  TinyLlama model;
  model.layers = 4;
  const TinyFolder tiny(model);
  const Diagnosis found = diagnose(tiny.ask("full+2@k=hqq:bits=1,group=16,residual=0/v=full"), {}, {}, {});
  INFO(diagnosis_json(found));
  CHECK(found.place.set.parts == Parts{{2, Side::key, -1}});
  CHECK(found.place.set.recovery == 1.0);
  CHECK(found.scan.size() == 1);
}

TEST_CASE("diagnose: the same question gives the same bytes, whatever the threads", "[diagnose]") {
  const TinyFolder tiny;
  const Case run = tiny.ask("hqq:bits=2,group=16,residual=4");
  RunPlace one, three;
  one.threads = 1;
  three.threads = 3;
  const std::string once = diagnosis_json(diagnose(run, parse_budget("70"), one, {}));
  CHECK(once == diagnosis_json(diagnose(run, parse_budget("70"), three, {})));
  CHECK(nlohmann::json::parse(once)["budget"]["trials"] == 70);
  CHECK(once.find("--budget 70") != std::string::npos);
}

TEST_CASE("diagnose: nothing to explain, with the largest difference", "[diagnose]") {
  const TinyFolder tiny(with_outliers(1));
  const Diagnosis found = diagnose(tiny.ask("hqq:bits=8,group=16,residual=4", 8), {}, {}, {});
  INFO(found.headline);
  CHECK(found.finding == Finding::nothing);
  CHECK(found.exit_code == 5);
  CHECK(found.headline.find("the largest difference found is a KLD of") != std::string::npos);
  CHECK(found.budget.asked == 0);
}

TEST_CASE("diagnose: a cache whose codes were never read is invalid", "[diagnose]") {
  const TinyFolder tiny;
  const Diagnosis found = diagnose(tiny.ask("hqq:bits=2,group=16,schedule=streaming,residual=128", 6), {}, {}, {});
  CHECK(found.finding == Finding::invalid);
  CHECK(found.exit_code == 8);
}

TEST_CASE("diagnose: a control that differs is invalid", "[diagnose][fault]") {
  const TinyFolder tiny;
  RunHooks hooks;
  hooks.wrap_cache = [](LaneId lane, Mode, std::unique_ptr<KvCache> cache) -> std::unique_ptr<KvCache> {
    if (lane != 1) return cache;
    return make_bit_fault(std::move(cache), {.layer = 0, .side = Side::key, .token = 5, .channel = 1});
  };
  const Diagnosis found = diagnose(tiny.ask("hqq:bits=2,group=16,residual=4"), {}, {}, hooks);
  CHECK(found.finding == Finding::invalid);
  CHECK(found.exit_code == 8);
}

TEST_CASE("diagnose: a budget that is too small ends partial, and says what is left", "[diagnose]") {
  const TinyFolder tiny;
  for (const char* budget : {"1", "4", "16"}) {
    const Diagnosis found = diagnose(tiny.ask("hqq:bits=2,group=16,residual=4"), parse_budget(budget), {}, {});
    INFO(budget << ": " << diagnosis_json(found));
    CHECK(found.finding == Finding::partial);
    CHECK(found.exit_code == 7);
    CHECK_FALSE(found.left_to_try.empty());
    CHECK(found.budget.asked <= found.budget.trials);
  }
}

TEST_CASE("diagnose: cases and budgets that make no sense are refused", "[diagnose]") {
  const TinyFolder tiny;
  Case two = tiny.ask("int4");
  two.caches.push_back(parse_cache_spec("int8"));
  CHECK_THROWS_AS(diagnose(two, {}, {}, {}), UserError);
  CHECK_THROWS_AS(diagnose(tiny.ask("full"), {}, {}, {}), UserError);
  for (const char* text : {"", "0", "-1", "x", "0s", "2h", "m", "1.5"}) CHECK_THROWS_AS(parse_budget(text), UserError);
  CHECK(parse_budget("2m").seconds == 120);
  CHECK(parse_budget("90s").seconds == 90);
  CHECK(parse_budget("7").trials == 7);
}
