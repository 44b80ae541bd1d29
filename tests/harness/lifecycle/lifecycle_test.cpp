#include "harness/lifecycle/lifecycle.h"

#include <map>
#include <set>
#include <string>

#include "tests/catch.h"
#include "tests/support/expect_error.h"

namespace kvdiff {
namespace {

LifecycleReport planted(const std::string& spec, std::string_view fault) {
  return check_lifecycle(parse_cache_spec(spec), {.tokens = 12, .fault = &find_peer_cache_fault(fault)});
}

std::set<std::string> failing(const LifecycleReport& report) {
  std::set<std::string> names;
  for (const LifecycleRow& row : report.rows)
    if (row.difference) names.insert(row.operation);
  return names;
}

// Where each is caught; that nothing else fails says that the checks do not blame the innocent.
const std::map<std::string, std::set<std::string>> caught_by = {
    {"copy.copy", {"fork, the copy goes on", "fork, the original goes on", "deep copy", "shallow copy",
                   "two continuations interleaved"}},
    {"deepcopy-raises", {"fork, the copy goes on", "fork, the original goes on", "deep copy", "shallow copy",
                         "two continuations interleaved"}},
    {"crop-residual", {"crop", "crop into the history", "crop to zero"}},
    {"crop-absolute", {"crop", "crop into the history", "crop to zero"}},
    {"crop-zero", {"crop to zero"}},
    {"reset-keeps-codes", {"reset"}},
    {"reorder-residual", {"reorder"}},
    {"length-less-one", {"length of every layer"}},
    {"length-of-all-layers", {"length of every layer", "crop to zero", "reset"}},
    {"restore-residual-alone", {"save and restore"}},
};

TEST_CASE("every codec's cache is handled soundly", "[lifecycle]") {
  for (const std::string& text : every_codec()) {
    const LifecycleReport report = check_lifecycle(parse_cache_spec(text), {.tokens = 34});
    INFO(lifecycle_table(report));
    CHECK(report.sound());
    CHECK(report.fails_as.empty());
    CHECK(report.cases > 0);
    CHECK((report.flushes > 0 || text == "full"));
  }
}

TEST_CASE("every fault of the peer is caught by its operation, and named", "[lifecycle]") {
  CHECK(caught_by.size() == peer_cache_faults().size());
  for (const PeerCacheFault& fault : peer_cache_faults()) {
    const LifecycleReport report = planted("hqq:bits=4,group=64,residual=5", fault.name);
    INFO(lifecycle_table(report));
    REQUIRE(caught_by.count(std::string(fault.name)) == 1);
    CHECK(failing(report) == caught_by.at(std::string(fault.name)));
    REQUIRE(report.fails_as.size() == 1);
    CHECK(report.fails_as[0].rfind(std::string(fault.name) + " (transformers " + std::string(fault.versions) + ")", 0) == 0);
  }
}

TEST_CASE("the shallow copy is placed", "[lifecycle]") {
  const LifecycleReport report = planted("hqq:residual=64", "copy.copy");
  for (const LifecycleRow& row : report.rows) {
    if (row.operation != "shallow copy") continue;
    REQUIRE(row.difference);
    CHECK(text_of(*row.difference) == "differs at update 7, layer 0, keys");
    CHECK((row.where == LifecycleCase{1, 1}));
  }
}

TEST_CASE("beams that read each other's history are caught before anything raises", "[lifecycle]") {
  const LifecycleReport report =
      check_lifecycle(parse_cache_spec("hqq:residual=64"), {.tokens = 3, .fault = &find_peer_cache_fault("reorder-residual")});
  const LifecycleRow& row = report.rows.back();
  REQUIRE(row.operation == "reorder");
  REQUIRE(row.difference);
  CHECK(text_of(*row.difference) == "differs at update 1, layer 0, keys");
  CHECK((row.where == LifecycleCase{3, 1}));
}

TEST_CASE("a reset that keeps codes cannot hurt a cache that has none", "[lifecycle]") {
  CHECK(planted("full", "reset-keeps-codes").sound());
}

TEST_CASE("a restore that has the residual alone is told in the peer's words right behind a flush", "[lifecycle]") {
  const LifecycleReport report = planted("hqq:residual=64", "restore-residual-alone");
  for (const LifecycleRow& row : report.rows) {
    if (row.operation != "save and restore") continue;
    REQUIRE(row.difference);
    CHECK(text_of(*row.difference) == "raises: IndexError: tuple index out of range");
  }
  CHECK(planted("full", "restore-residual-alone").sound());
}

TEST_CASE("a fault's name that does not exist names the nearest", "[lifecycle]") {
  const std::string message = test::message_of(ExitCode::usage, [] { find_peer_cache_fault("copycopy"); });
  CHECK(message.find("Did you mean 'copy.copy'") != std::string::npos);
}

TEST_CASE("layers that a spec names are there, and too many are refused", "[lifecycle]") {
  CHECK(check_lifecycle(parse_cache_spec("int8+5@full"), {.tokens = 4}).sound());
  const CacheSpec spec = parse_cache_spec("int8+5000@full");
  const std::string message = test::message_of(ExitCode::usage, [&] { check_lifecycle(spec, {.tokens = 4}); });
  CHECK(message.find("at most 127") != std::string::npos);
}

}  // namespace
}  // namespace kvdiff
