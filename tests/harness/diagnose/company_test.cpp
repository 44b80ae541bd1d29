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

bool both_keys(const KvCache& cache) { return cache.pages(0).key_quantized && cache.pages(1).key_quantized; }
bool either_key(const KvCache& cache) { return cache.pages(0).key_quantized || cache.pages(1).key_quantized; }
// Two partners: exempting one of them heals nothing, so neither is likely.
bool one_of_two_partners(const KvCache& cache) { return cache.pages(0).key_quantized && (cache.pages(2).value_quantized || cache.pages(3).value_quantized); }
// No one partner is enough.
bool all_three(const KvCache& cache) { return cache.pages(0).key_quantized && cache.pages(1).value_quantized && cache.pages(3).value_quantized; }

// A cache whose last layer's keys turn as soon as some sides are quantized.
using Sprung = bool (*)(const KvCache& cache);
class TrapCache : public ForwardingCache {
 public:
  TrapCache(std::unique_ptr<KvCache> cache, Sprung sprung) : ForwardingCache(std::move(cache)), sprung_(sprung) {}
  KvPages pages(int layer) const override {
    KvPages pages = cache_->pages(layer);
    if (layer + 1 != shape().layers || !sprung_(*cache_)) return pages;
    for (auto& page : pages.key) page = std::make_shared<TurnedPage>(page, shape().head_size);
    return pages;
  }
  std::unique_ptr<KvCache> fork() const override { return std::make_unique<TrapCache>(cache_->fork(), sprung_); }

 private:
  const Sprung sprung_;
};

// Eight fine sides, and a trap.
Diagnosis with_trap(Sprung sprung, int64_t trials = 240) {
  TinyLlama model;
  model.layers = 4;
  model.outlier_channels = {};
  const TinyFolder tiny(model);
  RunHooks hooks;
  hooks.wrap_cache = [sprung](LaneId, Mode, std::unique_ptr<KvCache> cache) -> std::unique_ptr<KvCache> {
    return std::make_unique<TrapCache>(std::move(cache), sprung);
  };
  return diagnose(tiny.ask("hqq:bits=8,group=16,residual=4"), {.trials = trials, .trusts_the_cache = true}, {}, hooks);  // else it is caught at once
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
  const Diagnosis found = with_trap(both_keys);
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
  const Diagnosis found = with_trap(either_key);
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

TEST_CASE("company: a partner whose exemption heals nothing is found by halving, and is told to be one of several", "[diagnose]") {
  const Diagnosis found = with_trap(one_of_two_partners);
  INFO(diagnosis_json(found));
  CHECK(found.place.set.parts == Parts{first});
  REQUIRE(found.company.pair);
  const PairFinding& pair = *found.company.pair;
  CHECK(pair.kind == PairKind::only_together);
  CHECK(pair.one == first);
  CHECK((pair.other == Part{2, Side::value, -1} || pair.other == Part{3, Side::value, -1}));
  CHECK(*pair.alone_both > 0.9);
  CHECK(*pair.alone_one < 0.1);
  CHECK(*pair.exempt_other < 0.1);
  CHECK(pair.one_of_several());
  REQUIRE(found.company.search);
  CHECK(found.company.search->sides == 7);
  CHECK(found.company.search->left == 1);
  CHECK(found.company.search->reason.empty());
  CHECK(found.headline.find("but only together with others, like layer") != std::string::npos);
  check_reports(found, "one partner of several");
}

TEST_CASE("company: what needs more than one partner is not called a pair", "[diagnose]") {
  const Diagnosis found = with_trap(all_three);
  INFO(diagnosis_json(found));
  REQUIRE(found.place.set.parts.size() == 1);
  CHECK_FALSE(found.company.pair);
  REQUIRE(found.company.search);
  CHECK_FALSE(found.company.search->reason.empty());
  CHECK(diagnosis_console(found, {}).find("none was found beside which") != std::string::npos);
}

TEST_CASE("company: where the budget ends within the search, the sides left are counted", "[diagnose]") {
  bool ended = false;
  for (int64_t trials = 24; trials < 120 && !ended; trials += 2) {
    const Diagnosis found = with_trap(one_of_two_partners, trials);
    if (!found.company.search || found.company.search->reason.empty()) continue;
    INFO(diagnosis_json(found));
    ended = true;
    CHECK_FALSE(found.company.pair);
    CHECK(found.company.search->reason == "the budget was spent with the partner still among " + std::to_string(found.company.search->left) + " of 7 sides");
    CHECK(diagnosis_json(found).find("quantized together with the " + std::to_string(found.company.search->left) + " others") != std::string::npos);
  }
  CHECK(ended);
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
