#include "harness/diagnose/scan.h"

#include <algorithm>

namespace kvdiff {
namespace {

std::optional<double> recovery(const std::optional<TrialAnswer>& answer, double kld) {
  return answer ? std::optional(1 - answer->kld / kld) : std::nullopt;
}

double score(const PartScore& one) {
  constexpr double not_asked = -1e9;
  return !one.recovery && !one.alone ? not_asked : one.recovery.value_or(0) + one.alone.value_or(0);
}

}  // namespace

Trial exempt_trial(const Subject& subject, const Parts& parts) {
  const bool whole = std::all_of(parts.begin(), parts.end(), [](const Part& part) { return part.head < 0; });
  if (whole) return {exempting(subject.spec, subject.layers, parts), {}};
  return {subject.spec, patch_of(PatchKind::exempt, parts)};
}

Trial alone_trial(const Subject& subject, const Parts& whole_sides) {
  return {quantizing_only(subject.spec, subject.layers, whole_sides), {}};
}

std::vector<PartScore> scan(Trials& trials, const Subject& subject) {
  std::vector<PartScore> scores;
  for (const Part& part : quantized_parts(subject.spec, subject.layers)) scores.push_back({part, {}, {}});
  std::vector<Trial> asked;
  for (const PartScore& one : scores) asked.push_back(alone_trial(subject, {one.part}));
  for (const PartScore& one : scores) asked.push_back(exempt_trial(subject, {one.part}));
  const auto answers = trials.ask(asked);
  for (size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i]) continue;
    PartScore& one = scores[i % scores.size()];
    if (i < scores.size()) one.alone = answers[i]->kld / subject.kld;
    else one.recovery = recovery(answers[i], subject.kld);
  }
  std::stable_sort(scores.begin(), scores.end(), [](const PartScore& a, const PartScore& b) { return score(a) > score(b); });
  return scores;
}

std::vector<SideScore> scan_sides(Trials& trials, const Subject& subject) {
  std::vector<SideScore> scores;
  for (const Side side : {Side::key, Side::value}) {
    Parts parts = quantized_parts(subject.spec, subject.layers);
    std::erase_if(parts, [&](const Part& part) { return part.side != side; });
    if (parts.empty()) return {};
    const auto answers = trials.ask({exempt_trial(subject, parts), alone_trial(subject, parts)});
    scores.push_back({side, recovery(answers[0], subject.kld), answers[1] ? std::optional(answers[1]->kld / subject.kld) : std::nullopt});
  }
  return scores;
}

std::vector<std::optional<double>> recoveries(Trials& trials, const Subject& subject, const std::vector<Parts>& sets) {
  std::vector<Trial> asked;
  for (const Parts& parts : sets) asked.push_back(exempt_trial(subject, parts));
  std::vector<std::optional<double>> results;
  for (const auto& answer : trials.ask(asked)) results.push_back(recovery(answer, subject.kld));
  return results;
}

Parts ranked_heads(Trials& trials, const Subject& subject, const Parts& heads) {
  std::vector<Parts> sets;
  for (const Part& head : heads) sets.push_back({head});
  const auto answers = recoveries(trials, subject, sets);
  std::vector<size_t> order;
  for (size_t i = 0; i < heads.size(); ++i)
    if (answers[i]) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return *answers[a] > *answers[b]; });
  Parts ranked;
  for (const size_t i : order) ranked.push_back(heads[i]);
  return ranked;
}

}  // namespace kvdiff
