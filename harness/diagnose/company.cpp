#include "harness/diagnose/company.h"

#include <fmt/format.h>

#include "cache_backends/error.h"
#include "harness/diagnose/walk.h"

namespace kvdiff {
namespace {

constexpr size_t most_members = 8, most_partners = 4;
constexpr double half = 0.5;

const PartScore* score_of(const Walk& walk, const Part& part) {
  for (const PartScore& one : walk.result.scan)
    if (one.part == part) return &one;
  return nullptr;
}

void fill_from_scan(const Walk& walk, PairFinding& pair) {
  if (const PartScore* one = score_of(walk, pair.one)) pair.exempt_one = one->recovery, pair.alone_one = one->alone;
  if (const PartScore* other = score_of(walk, pair.other)) pair.exempt_other = other->recovery, pair.alone_other = other->alone;
}

void ask_members(Walk& walk) {
  CompanyFinding& found = walk.result.company;
  const Parts& set = walk.accused();
  std::vector<Trial> asked = {alone_trial(walk.subject, set)};
  for (const Part& part : set) {
    if (set.size() == 1 || set.size() > most_members) break;
    Parts others = set;
    std::erase(others, part);
    asked.push_back(alone_trial(walk.subject, others));
    found.members.push_back({part, walk.recovered(walk.trials.known(exempt_trial(walk.subject, others))), {}});
  }
  const auto answers = walk.trials.ask(asked);
  found.alone = walk.makes(answers[0]);
  for (size_t i = 0; i < found.members.size(); ++i) found.members[i].alone_without = walk.makes(answers[i + 1]);
  if (!answers.back()) walk.result.left_to_try.push_back("the accused sides quantized alone, all of them and all but one");
}

// Those whose exemption heals at least half, as the accused one's does, and that do little alone, too.
Parts partners_of(const Walk& walk, const Part& accused) {
  Parts partners;
  std::vector<PartScore> scores = walk.result.scan;
  std::stable_sort(scores.begin(), scores.end(), [](const PartScore& a, const PartScore& b) { return a.recovery.value_or(-1) > b.recovery.value_or(-1); });
  for (const PartScore& one : scores)
    if (one.part != accused && one.recovery.value_or(0) >= half && one.alone.value_or(1) < half && partners.size() < most_partners)
      partners.push_back(one.part);
  return partners;
}

// The others that do little alone, in the order of the ranking.
Parts others_of(const Walk& walk, const Part& accused) {
  Parts others;
  for (const PartScore& one : walk.result.scan)
    if (one.part != accused && one.alone.value_or(1) < half) others.push_back(one.part);
  return others;
}

std::optional<double> made_with(Walk& walk, const Part& accused, Parts group) {
  group.push_back(accused);
  return walk.makes(walk.trials.ask({alone_trial(walk.subject, group)})[0]);
}

std::string budget_spent(const PartnerSearch& search) {
  return fmt::format("the budget was spent with the partner still among {} of {} sides", search.left, search.sides);
}

// Why the group's halves were not asked further; "": `group` is one side, which with the accused one makes the target.
std::string halve(Walk& walk, const Part& accused, Parts& group, std::optional<double>& made) {
  constexpr double target = SetRule{}.target;
  PartnerSearch& search = *walk.result.company.search;
  made = made_with(walk, accused, group);
  if (made && *made < target) return fmt::format("not even with all {} others that do little alone it makes as much as {:.0f} %", group.size(), 100 * target);
  while (made && group.size() > 1) {
    const auto middle = group.begin() + static_cast<std::ptrdiff_t>((group.size() + 1) / 2);
    Parts first{group.begin(), middle}, second{middle, group.end()};
    made = made_with(walk, accused, first);
    if (made && *made < target) {
      made = made_with(walk, accused, second);
      first = std::move(second);
    }
    if (made && *made < target) return fmt::format("it takes several of {} sides at once: with either half of them it makes less than {:.0f} %", group.size(), 100 * target);
    if (!made) break;
    group = std::move(first);
    search.left = static_cast<int64_t>(group.size());
  }
  return made ? "" : budget_spent(search);
}

void search_partner(Walk& walk, const Part& accused) {
  CompanyFinding& found = walk.result.company;
  Parts group = others_of(walk, accused);
  if (group.empty()) return;
  found.search = {static_cast<int64_t>(group.size()), static_cast<int64_t>(group.size()), ""};
  std::optional<double> made;
  found.search->reason = halve(walk, accused, group, made);
  if (found.search->reason.empty()) found.pair = PairFinding{PairKind::only_together, accused, group.front(), {}, {}, {}, {}, {}, made};
  else if (!made) walk.result.left_to_try.push_back(fmt::format("the accused side quantized together with the {} others that its partner may be", found.search->left));
}

void find_partner(Walk& walk) {
  const Part accused = walk.accused().front();
  const Parts partners = partners_of(walk, accused);
  std::vector<Trial> asked;
  for (const Part& partner : partners) asked.push_back(alone_trial(walk.subject, {accused, partner}));
  const auto answers = walk.trials.ask(asked);
  std::optional<PairFinding>& pair = walk.result.company.pair;
  for (size_t i = 0; i < partners.size(); ++i) {
    const auto both = walk.makes(answers[i]);
    if (!both || *both < SetRule{}.target || (pair && *both <= *pair->alone_both)) continue;
    pair = PairFinding{PairKind::only_together, accused, partners[i], {}, {}, {}, {}, {}, both};
  }
  if (!answers.empty() && !answers.back()) walk.result.left_to_try.push_back("the accused side quantized together with each of the likely others");
  else if (!pair) search_partner(walk, accused);
  if (!pair) return;
  pair->exempt_both = walk.recovered(walk.trials.known(exempt_trial(walk.subject, {accused, pair->other})));
  fill_from_scan(walk, *pair);
}

}  // namespace

std::string_view name_of(PairKind kind) {
  switch (kind) {
    case PairKind::either_breaks: return "either breaks";
    case PairKind::only_together: return "only together";
  }
  throw InternalError("a pair without a name");
}

void find_company(Walk& walk) {
  const MinimalSet& set = walk.result.place.set;
  if (set.diffuse) return;
  ask_members(walk);
  CompanyFinding& found = walk.result.company;
  if (walk.result.place.pair) {
    found.pair = PairFinding{PairKind::either_breaks, set.parts[0], set.parts[1], {}, {}, set.recovery, {}, {}, found.alone};
    fill_from_scan(walk, *found.pair);
  } else if (set.parts.size() == 1 && found.alone && *found.alone < half) {
    find_partner(walk);
  }
}

}  // namespace kvdiff
