#include "cache_backends/spec_dialects.h"
#include "harness/diagnose/causes.h"
#include "harness/diagnose/remedies.h"
#include "harness/diagnose/walk.h"

namespace kvdiff {
namespace {

RemedyResult result_of(const Remedy& remedy, const std::optional<TrialAnswer>& answer, double candidate_kld) {
  RemedyResult result{remedy.name, remedy.spec, remedy.same_bits, {}, 0, {}, 0, false, false, remedy.regrouped, remedy.longer_window};
  if (!answer) return result;
  result.recovery = 1 - answer->kld / candidate_kld;
  result.kld = answer->kld;
  result.parts_at = answer->parts_at;
  result.bytes = answer->bytes;
  result.coded_share = answer->coded_share;
  result.heals_kld = *result.recovery >= SetRule{}.target && answer->not_finite == 0;
  result.heals_text = !answer->parts_at;
  return result;
}

// The cheapest that keeps the text; else the cheapest that recovers the divergence. The remedies stand cheapest first.
void choose_cure(Diagnosis& diagnosis, int64_t candidate_bytes) {
  const RemedyResult* best = nullptr;
  for (const RemedyResult& one : diagnosis.remedies)
    if (one.heals_kld && (!best || (one.holds() && !best->holds()))) best = &one;
  if (!best) return;
  const DialectForm words = to_transformers(best->spec), flags = to_llama_cpp(best->spec);
  diagnosis.cure = {best->name, best->spec, best->heals_text, *best->recovery, best->bytes, candidate_bytes, words.text, words.note, flags.text, flags.note};
}

void try_remedies(Walk& walk) {
  const Subject& subject = walk.subject;
  const auto remedies = remedies_for(subject.spec, walk.material.shape, walk.accused());
  std::vector<Trial> asked = {{subject.spec, {}, true}};
  for (const Remedy& one : remedies) asked.push_back({one.spec, {}, true});
  const auto answers = walk.trials.ask(asked);
  std::vector<RemedyResult>& results = walk.result.remedies;
  for (size_t i = 0; i < remedies.size(); ++i) results.push_back(result_of(remedies[i], answers[i + 1], subject.kld));
  std::stable_sort(results.begin(), results.end(), [](const RemedyResult& a, const RemedyResult& b) { return a.bytes < b.bytes; });
  if (!answers.back()) walk.leave("remedies");
  choose_cure(walk.result, answers[0] ? answers[0]->bytes : 0);
}

// The remedy that changes nothing but the bits of the accused sides, under whichever name it was tried.
std::optional<double> accused_at_8_bits(const Walk& walk) {
  const CacheSpec wanted = rewritten(walk.subject.spec, walk.subject.layers, [&](int64_t layer, Side side, const SideSpec& now) {
    return walk.accuses(layer, side) ? at_eight_bits(now) : now;
  });
  for (const RemedyResult& one : walk.result.remedies)
    if (one.spec == wanted) return one.recovery;
  return std::nullopt;
}

}  // namespace

void find_cure(Walk& walk) {
  try_remedies(walk);
  ask_requantization(walk);
  ask_token_ranges(walk);
  if (walk.accused().empty()) return;
  const double target = SetRule{}.target * walk.result.place.set.recovery;
  walk.result.cause = find_cause({walk.result, accused_at_8_bits(walk), walk.subject.spec, walk.material.shape, target});
}

}  // namespace kvdiff
