#include "harness/diagnose/minimal_set.h"

#include <algorithm>

#include "harness/diagnose/walk.h"
#include "tests/catch.h"

using namespace kvdiff;

namespace {

Parts parts_of(int count) {
  Parts parts;
  for (int i = 0; i < count; ++i) parts.push_back({i / 2, i % 2 ? Side::value : Side::key, -1});
  return parts;
}

// Answers from a rule, and counts what it was asked; a budget may end it.
struct World {
  std::function<double(const Parts&)> recovery;
  int64_t budget = 1000, asked = 0;

  std::vector<std::optional<double>> operator()(const std::vector<Parts>& sets) {
    std::vector<std::optional<double>> answers;
    for (const Parts& set : sets) answers.push_back(++asked <= budget ? std::optional(recovery(set)) : std::nullopt);
    return answers;
  }
};

bool has(const Parts& set, const Part& part) { return std::find(set.begin(), set.end(), part) != set.end(); }

MinimalSet find(World& world, const Parts& ranking, const SetRule& rule = {}) {
  return find_minimal_set(ranking, [&](const std::vector<Parts>& sets) { return world(sets); }, rule);
}

}  // namespace

TEST_CASE("minimal set: one guilty part, wherever it is ranked", "[diagnose]") {
  const Parts all = parts_of(60);
  for (const size_t guilty : {0u, 1u, 6u, 13u}) {
    World world{[&](const Parts& set) { return has(set, all[guilty]) ? 0.95 : 0.01; }};
    const MinimalSet found = find(world, all);
    CHECK(found.parts == Parts{all[guilty]});
    CHECK(found.recovery == 0.95);
    CHECK((found.minimal && found.complete && !found.diffuse));
    CHECK(found.curve.front().count == 1);
    CHECK(found.curve.back().count == 60);
  }
}

TEST_CASE("minimal set: two that only heal together are both kept, and a third that does not matter goes", "[diagnose]") {
  const Parts all = parts_of(40);
  World world{[&](const Parts& set) { return has(set, all[0]) && has(set, all[3]) ? 0.9 : 0.05; }};
  const MinimalSet found = find(world, all);
  CHECK(found.parts == Parts{all[0], all[3]});
  CHECK(found.minimal);
}

TEST_CASE("minimal set: what every part has its share of is diffuse, with the whole curve", "[diagnose]") {
  const Parts all = parts_of(60);
  World world{[&](const Parts& set) { return static_cast<double>(set.size()) / 60; }};
  const MinimalSet found = find(world, all);
  CHECK(found.diffuse);
  CHECK(found.parts.size() == 48);
  CHECK(found.complete);
  CHECK_FALSE(found.minimal);
  CHECK(std::is_sorted(found.curve.begin(), found.curve.end(), [](const auto& a, const auto& b) { return a.count < b.count; }));
  CHECK(world.asked < 60);
}

TEST_CASE("minimal set: the smallest count is found exactly where recovery grows with the count", "[diagnose]") {
  const Parts all = parts_of(60);
  for (size_t needed = 1; needed <= 60; ++needed) {
    World world{[&](const Parts& set) { return set.size() >= needed ? 0.85 : 0.3; }};
    const MinimalSet found = find(world, all);
    REQUIRE(found.parts.size() == needed);
    REQUIRE(found.diffuse == (needed > 15));
  }
}

TEST_CASE("minimal set: a budget that ends early leaves what was measured, and says so", "[diagnose]") {
  const Parts all = parts_of(60);
  for (int64_t budget = 0; budget < 40; ++budget) {
    World world{[&](const Parts& set) { return has(set, all[2]) && has(set, all[9]) ? 0.9 : 0.1; }, budget};
    const MinimalSet found = find(world, all);
    CHECK((found.complete == (world.asked <= budget)));
    if (!found.complete) CHECK_FALSE(found.minimal);
    if (!found.parts.empty()) CHECK(found.recovery >= 0.8);
  }
}

TEST_CASE("minimal set: a pair is two parts of which neither recovers half alone", "[diagnose]") {
  const Parts all = parts_of(12);
  World world{[&](const Parts& set) { return has(set, all[1]) && has(set, all[4]) ? 0.9 : 0.2; }};
  const MinimalSet found = find(world, all, {0.8, 1});
  REQUIRE(found.parts == Parts{all[1], all[4]});
  std::vector<PartScore> scan;
  for (const Part& part : all) scan.push_back({part, 0.2, 0.1});
  CHECK(hurt_as_a_pair(found, scan));
  scan[4].recovery = 0.6;
  CHECK_FALSE(hurt_as_a_pair(found, scan));
  scan[4].recovery.reset();
  CHECK_FALSE(hurt_as_a_pair(found, scan));
  World single{[&](const Parts& set) { return has(set, all[1]) ? 0.9 : 0.2; }};
  CHECK_FALSE(hurt_as_a_pair(find(single, all), scan));
}

TEST_CASE("minimal set: nothing that recovers, and nothing to rank", "[diagnose]") {
  World hopeless{[](const Parts&) { return 0.2; }};
  const MinimalSet none = find(hopeless, parts_of(8));
  CHECK(none.parts.empty());
  CHECK(none.complete);
  World unasked{[](const Parts&) { return 1.0; }};
  CHECK(find(unasked, {}).parts.empty());
  CHECK(unasked.asked == 0);
}
