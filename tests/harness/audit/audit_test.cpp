#include "harness/audit/audit.h"

#include <algorithm>
#include <cmath>

#include "cache_backends/decorators/forwarding_cache.h"
#include "cache_backends/error.h"
#include "cache_backends/faults/peer_cache_faults.h"
#include "cache_backends/faults/planted_fault.h"
#include "harness/audit/causes.h"
#include "tests/catch.h"

using namespace kvdiff;

namespace {

const CacheShape shape{.layers = 3, .batch = 1, .heads = 2, .head_size = 64, .dtype = Dtype::float16};
constexpr int64_t prompt = 32, tokens = 56;

struct Ground {
  DrawnText text = drawn_text(shape, tokens, 7);
  Tape tape{shape, prompt, tokens, tokens, text.key, text.value};
  std::vector<float> frequencies;
  Ground() {
    for (int64_t pair = 0; pair < shape.head_size / 2; ++pair)
      frequencies.push_back(static_cast<float>(std::pow(10000.0, -static_cast<double>(pair) / 32)));
  }
  Audit audit(const std::string& text_of_spec, const PlantedFault* fault, const FaultPlace& place) const {
    const CacheSpec spec = parse_cache_spec(text_of_spec);
    const auto make = [&](const CacheShape& wanted) {
      auto cache = make_cache(spec, wanted);
      return fault ? plant(*fault, place, {spec, frequencies}, std::move(cache)) : std::move(cache);
    };
    return audit_cache({spec, make, tape, frequencies});
  }
};

const std::vector<std::string> specs = {"hqq:bits=4,group=64,residual=8",       "hqq:bits=2,group=64,axis=1,residual=0", "int8:scheme=zero,per=token-head",
                                        "int4", "kivi:bits=4,residual=32", "q8_0", "fp8", "quanto:bits=4,residual=8",
                                        "int8:per=channel,schedule=hf,residual=8", "int8:schedule=streaming,residual=8"};

}  // namespace

TEST_CASE("audit: every planted fault is caught, placed and named", "[audit]") {
  const Ground ground;
  size_t next = 0;
  for (const PlantedFault& fault : planted_faults()) {
    const bool handled = fault.operation != PlantedFault::Operation::none;
    int planted = 0;
    for (size_t tried = 0; tried < specs.size() && planted < 1; ++tried) {
      const std::string& text = specs[next++ % specs.size()];
      const FaultPlace place{.layer = 1, .side = next % 2 || fault.name.starts_with("rope") ? Side::key : Side::value, .head = -1,
                             .update = handled ? 0 : 3, .strength = std::sqrt(fault.weakest * fault.strongest)};
      if (!applies(fault, place, {parse_cache_spec(text), ground.frequencies}, shape)) continue;
      ++planted;
      const Audit audit = ground.audit(text, &fault, place);
      INFO(text_of(fault, place) << " in " << text << ": " << audit.cause << ", " << audit.evidence);
      REQUIRE_FALSE(audit.conforms);
      CHECK(audit.cause == fault.cause);
      CHECK(audit.parts[0].layer == 1);
      CHECK((audit.parts[0].side == place.side || fault.both_sides));
      if (!handled && !fault.respell && audit.operation.empty()) CHECK((audit.parts[0].first_update >= 3 && audit.parts[0].first_update <= 12));
    }
    INFO(fault.name);
    CHECK(planted > 0);
  }
}

TEST_CASE("audit: a cache that is what its spec says conforms, and is sound", "[audit]") {
  const Ground ground;
  for (const std::string& text : specs) {
    const Audit audit = ground.audit(text, nullptr, {});
    INFO(text << ": " << audit.cause << ", " << audit.evidence);
    CHECK(audit.conforms);
    CHECK(audit.parts.empty());
    CHECK(audit.handling.size() >= 3);
    for (const HandlingRow& row : audit.handling) CHECK_FALSE(row.difference);
  }
}

TEST_CASE("audit: what save and restore lose is placed, and named by the operation", "[audit]") {
  const Ground ground;
  for (const char* name : {"restore.loses_codes", "restore.loses_window"}) {
    const Audit audit = ground.audit("hqq:bits=4,group=64,residual=8", &find_planted_fault(name), {.layer = 2, .side = Side::value, .update = 0});
    INFO(name << ": " << audit.evidence);
    CHECK(audit.operation == "save and restore");
    CHECK(audit.cause == cause::state);
    REQUIRE(audit.parts.size() == 1);
    CHECK(audit.parts[0].layer == 2);
    CHECK(audit.parts[0].side == Side::value);
    for (const HandlingRow& row : audit.handling) CHECK(row.difference.has_value() == (row.operation == "save and restore"));
  }
}

TEST_CASE("audit: the peer's way of saving is caught as one that loses the codes", "[audit]") {
  const Ground ground;
  const CacheSpec spec = parse_cache_spec("hqq:bits=4,group=64,residual=8");
  const PeerCacheFault& fault = find_peer_cache_fault("restore-residual-alone");
  const auto make = [&](const CacheShape& wanted) { return fault.plant(make_cache(spec, wanted)); };
  const Audit audit = audit_cache({spec, make, ground.tape, ground.frequencies});
  INFO(audit.evidence);
  CHECK(audit.operation == "save and restore");
  CHECK(audit.cause == cause::state);
  CHECK(audit.evidence.find("IndexError: tuple index out of range") != std::string::npos);
}

TEST_CASE("audit: a cache that cannot be saved is not asked to, and is sound", "[audit]") {
  class NotSaved : public ForwardingCache {
   public:
    explicit NotSaved(std::unique_ptr<KvCache> cache) : ForwardingCache(std::move(cache)) {}
    std::vector<std::byte> save() const override { throw UserError(ExitCode::usage, "this cache cannot be saved"); }
    std::unique_ptr<KvCache> fork() const override { return std::make_unique<NotSaved>(cache_->fork()); }
  };
  const Ground ground;
  const CacheSpec spec = parse_cache_spec("int8");
  const Audit audit = audit_cache({spec, [&](const CacheShape& wanted) { return std::make_unique<NotSaved>(make_cache(spec, wanted)); }, ground.tape, {}});
  INFO(audit.evidence);
  CHECK(audit.conforms);
  for (const HandlingRow& row : audit.handling) CHECK(row.operation != "save and restore");
}

TEST_CASE("audit: the head that is hit is the head that is named", "[audit]") {
  const Ground ground;
  const PlantedFault& fault = find_planted_fault("scale.factor");
  const Audit audit = ground.audit("hqq:bits=4,group=64,residual=8", &fault, {.layer = 2, .side = Side::value, .head = 1, .update = 5, .strength = 0.25});
  REQUIRE(audit.parts.size() == 1);
  CHECK(audit.parts[0].layer == 2);
  CHECK(audit.parts[0].side == Side::value);
  CHECK(audit.parts[0].heads == std::vector<int64_t>{1});
  CHECK(audit.parts[0].first_update == 5);
  CHECK(audit.cause == cause::scale_or_zero);
  CHECK(audit.evidence == "every value is 1.25 times what it should be");
}

TEST_CASE("audit: a long text is read at every eighth append, and its faults are found all the same", "[audit]") {
  const CacheShape small{.layers = 1, .batch = 1, .heads = 1, .head_size = 16, .dtype = Dtype::float16};
  const int64_t end = long_text + 24;
  const DrawnText text = drawn_text(small, end, 3);
  const Tape tape{small, long_text + 4, end, end, text.key, text.value};
  const CacheSpec spec = parse_cache_spec("int8");
  const FaultPlace place{.side = Side::value, .update = 4, .strength = 0.5};
  const auto make = [&](const CacheShape& wanted) { return plant(find_planted_fault("scale.factor"), place, {spec, {}}, make_cache(spec, wanted)); };
  const Audit audit = audit_cache({spec, make, tape, {}});
  REQUIRE(audit.parts.size() == 1);
  CHECK(audit.parts[0].first_update == 8);
  CHECK(audit.parts[0].last_update == tape.updates() - 1);
  CHECK(audit.cause == cause::scale_or_zero);
}

TEST_CASE("audit: rows of zeros beside small values are lost, not the other side's", "[audit]") {
  Ground ground;
  for (std::vector<float>& layer : ground.text.value)
    for (float& x : layer) x *= 1e-3f;
  const Audit audit = ground.audit("hqq:bits=1,group=64,residual=8", &find_planted_fault("state.window_lost"), {.layer = 2, .side = Side::key, .update = 1});
  CHECK(audit.cause == cause::state);
}

TEST_CASE("planted faults: names are their own, causes are known, text round-trips", "[audit][faults]") {
  std::vector<std::string_view> names;
  for (const PlantedFault& fault : planted_faults()) {
    INFO(fault.name);
    CHECK(std::find(names.begin(), names.end(), fault.name) == names.end());
    names.push_back(fault.name);
    CHECK(std::find(std::begin(cause_names), std::end(cause_names), fault.cause) != std::end(cause_names));
    const FaultText text = parse_fault(text_of(fault, {.layer = 3, .side = Side::value, .head = 1, .update = 9, .strength = fault.strongest}));
    CHECK(text.fault == &fault);
    CHECK(text.place == FaultPlace{.layer = 3, .side = Side::value, .head = 1, .update = 9, .strength = fault.strongest});
  }
  CHECK(names.size() >= 40);
  CHECK_THROWS_AS(parse_fault("scale.facto"), UserError);
  CHECK_THROWS_AS(parse_fault("scale.factor,layer=x"), UserError);
  CHECK_THROWS_AS(parse_fault("scale.factor,side=both"), UserError);
  for (const char* wrong : {"strength=nan", "strength=-1", "strength=2", "strength=inf", "update=-5", "layer=-1", "head=-2", "layer=99999999999", "update=1.5"})
    CHECK_THROWS_AS(parse_fault(std::string("scale.factor,") + wrong), UserError);
  CHECK_THROWS_AS(parse_fault("sides.swapped,strength=1"), UserError);
}
