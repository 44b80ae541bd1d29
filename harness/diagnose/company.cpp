#include "harness/diagnose/company.h"

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
