#include "harness/diagnose/company.h"

#include "cache_backends/decorators/forwarding_cache.h"
#include "harness/diagnose/diagnose.h"
#include "reports/registry.h"
#include "tests/catch.h"
#include "tests/harness/diagnose/tiny_folder.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

// Keys with the wrong sign.
class TurnedPage : public KvPage {
 public:
  TurnedPage(std::shared_ptr<const KvPage> page, int64_t head_size) : page_(std::move(page)), head_size_(head_size) {}
  int64_t tokens() const override { return page_->tokens(); }
  bool quantized() const override { return page_->quantized(); }
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override {
    page_->decode(sequence, head, first, count, out);
    for (int64_t i = 0; i < count * head_size_; ++i) out[i] = -out[i];
  }

 private:
  const std::shared_ptr<const KvPage> page_;
  const int64_t head_size_;
};

// A cache whose last layer's keys turn as soon as layer 0's keys and layer 1's keys are quantized: both, or one of them.
class TrapCache : public ForwardingCache {
 public:
  TrapCache(std::unique_ptr<KvCache> cache, PairKind kind) : ForwardingCache(std::move(cache)), kind_(kind) {}
  KvPages pages(int layer) const override {
    KvPages pages = cache_->pages(layer);
    if (layer + 1 != shape().layers || !sprung()) return pages;
    for (auto& page : pages.key) page = std::make_shared<TurnedPage>(page, shape().head_size);
    return pages;
  }
  std::unique_ptr<KvCache> fork() const override { return std::make_unique<TrapCache>(cache_->fork(), kind_); }

 private:
  bool sprung() const {
    const bool one = cache_->pages(0).key_quantized, other = cache_->pages(1).key_quantized;
    return kind_ == PairKind::only_together ? one && other : one || other;
  }
  const PairKind kind_;
};

// Eight fine sides of which layer 0's keys and layer 1's keys are the planted pair.
Diagnosis with_pair(PairKind kind) {
  TinyLlama model;
  model.layers = 4;
  model.outlier_channels = {};
  const TinyFolder tiny(model);
  RunHooks hooks;
  hooks.wrap_cache = [kind](LaneId, Mode, std::unique_ptr<KvCache> cache) -> std::unique_ptr<KvCache> {
    return std::make_unique<TrapCache>(std::move(cache), kind);
  };
  return diagnose(tiny.ask("hqq:bits=8,group=16,residual=4"), {.trusts_the_cache = true}, {}, hooks);  // else it is caught at once
}

const Part first{0, Side::key, -1}, second{1, Side::key, -1};

bool holds(const PairFinding& pair, const Part& part) { return pair.one == part || pair.other == part; }

void check_reports(const Diagnosis& found, const std::string& words) {
  CHECK(diagnosis_json(found).find(std::string(name_of(found.company.pair->kind))) != std::string::npos);
  RenderOptions wide;
  wide.width = 200;
  std::string console = diagnosis_console(found, wide);
  for (size_t at = console.find("\n"); at != std::string::npos; at = console.find("\n", at)) {  // lines may break anywhere
    size_t end = console.find_first_not_of(" \n", at);
    if (end == std::string::npos) end = console.size();
    console.replace(at, end - at, " ");
    ++at;
  }
  INFO(console);
  CHECK(console.find(words) != std::string::npos);
  CHECK(diagnosis_markdown(found, {}).find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("company: two sides that hurt only together are reported as a pair", "[diagnose]") {
  const Diagnosis found = with_pair(PairKind::only_together);
  INFO(diagnosis_json(found));
  CHECK(found.finding == Finding::found);
  REQUIRE(found.place.set.parts.size() == 1);  // one exempt is enough
  REQUIRE(found.company.pair);
  const PairFinding& pair = *found.company.pair;
  CHECK(pair.kind == PairKind::only_together);
  CHECK((holds(pair, first) && holds(pair, second)));
  CHECK(*pair.alone_one < 0.1);
  CHECK(*pair.alone_other < 0.1);
  CHECK(*pair.alone_both > 0.9);
  CHECK(*pair.exempt_one > 0.9);
  CHECK(*pair.exempt_other > 0.9);
  CHECK(*found.company.alone == *pair.alone_one);
  CHECK(found.headline.find("but only together with layer") != std::string::npos);
  check_reports(found, "hurt only together");
}

TEST_CASE("company: two sides each of which breaks it are reported as a pair", "[diagnose]") {
  const Diagnosis found = with_pair(PairKind::either_breaks);
  INFO(diagnosis_json(found));
  CHECK(found.finding == Finding::found);
  CHECK(found.place.pair);
  REQUIRE(found.company.pair);
  const PairFinding& pair = *found.company.pair;
  CHECK(pair.kind == PairKind::either_breaks);
  CHECK((holds(pair, first) && holds(pair, second)));
  CHECK(*pair.exempt_one < 0.1);
  CHECK(*pair.exempt_both > 0.9);
  CHECK(*pair.alone_one > 0.9);
  CHECK(found.company.members.size() == 2);
  check_reports(found, "either of");
}

TEST_CASE("company: one guilty side is no pair, and is enough by itself", "[diagnose]") {
  TinyLlama model;
  model.layers = 4;
  const TinyFolder tiny(model);
  const Diagnosis found = diagnose(tiny.ask("full+2@k=hqq:bits=1,group=16,residual=0/v=full"), {}, {}, {});
  CHECK(*found.company.alone == 1.0);
  CHECK_FALSE(found.company.pair);
  CHECK(found.company.members.empty());
}

TEST_CASE("restored: at the first layer nothing has arrived, and behind it something has", "[diagnose]") {
  TinyLlama model;
  model.layers = 4;
  const TinyFolder tiny(model);
  const Diagnosis first_layer = diagnose(tiny.ask("full+0@k=hqq:bits=1,group=16,residual=0/v=full"), {}, {}, {});
  REQUIRE(first_layer.restored.scores.size() == 1);
  CHECK(*first_layer.restored.scores[0].exempt == 1.0);
  CHECK(*first_layer.restored.scores[0].arrived() == 0.0);
  const Diagnosis found = diagnose(tiny.ask("hqq:bits=2,group=16,residual=4"), {}, {}, {});
  INFO(diagnosis_json(found));
  REQUIRE_FALSE(found.restored.scores.empty());
  bool some = false;
  for (const RestoredScore& one : found.restored.scores) some = some || *one.arrived() != 0.0;
  CHECK(some);
}
