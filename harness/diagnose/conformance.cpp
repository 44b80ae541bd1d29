#include "harness/diagnose/conformance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "cache_backends/error.h"
#include "harness/diagnose/arithmetic.h"
#include "harness/diagnose/material.h"
#include "harness/diagnose/trials.h"
#include "harness/metrics/softmax.h"
#include "harness/model/files/rope.h"
#include "harness/run/prepare.h"

namespace kvdiff {
namespace {

constexpr int64_t most_text = 96;    // tokens behind the prompt that are read
constexpr int64_t effect_steps = 16;
constexpr LaneId sound_lane = 2, own_lane = 3;

std::unique_ptr<KvCache> own_cache(const ConformanceQuestion& question, std::unique_ptr<KvCache> cache) {
  return question.hooks.wrap_cache ? question.hooks.wrap_cache(sound_lane, Mode::forced, std::move(cache)) : std::move(cache);
}

// The logits of both lanes, step by step.
class Logits final : public Observer {
 public:
  explicit Logits(int64_t steps) : sound(static_cast<size_t>(steps)), own(static_cast<size_t>(steps)), reference(static_cast<size_t>(steps)) {}
  void on(const Observation& seen) override {
    if (seen.stage != Stage::logits || seen.mode != Mode::forced) return;
    const auto step = static_cast<size_t>(seen.step);
    if (seen.lane == sound_lane) reference[step].assign(seen.reference.begin(), seen.reference.end());
    if (seen.lane == sound_lane) sound[step].assign(seen.candidate.begin(), seen.candidate.end());
    if (seen.lane == own_lane) own[step].assign(seen.candidate.begin(), seen.candidate.end());
  }
  std::vector<std::vector<float>> sound, own, reference;
};

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= largest)) largest = std::isnan(difference) ? HUGE_VAL : difference;
  }
  return largest;
}

// By the portable softmax of the metrics; logits that are not finite count as log(vocabulary), as in trials.
double divergence(const std::vector<float>& reference, const std::vector<float>& candidate) {
  const auto finite = [](float one) { return std::isfinite(one); };
  if (!std::all_of(candidate.begin(), candidate.end(), finite)) return std::log(static_cast<double>(reference.size()));
  return compare_softmax(softmax_row(reference), {reference, candidate}).kl;
}

ConformanceEffect measure_effect(const ConformanceQuestion& question, int64_t first) {
  ConformanceEffect effect;
  effect.first = std::clamp<int64_t>(first, 1, static_cast<int64_t>(question.text.size()) - 1);
  effect.steps = std::min(effect_steps, static_cast<int64_t>(question.text.size()) - effect.first);
  LockstepInput input = lockstep_input(question.run, question.loaded.ready, nullptr);
  const CacheSpec full = parse_cache_spec("full"), &spec = question.run.caches.front();
  input.lanes = {{"reference", full, false}, {"control", full, false}, {"sound", spec, false}, {"own", spec, false}};
  for (LaneInput& lane : input.lanes) lane.own_prefill = spec.lane.prefill == "quantized" && lane.name != "reference" && lane.name != "control";
  input.local = input.free = false;
  input.forced = true;
  input.tokens = effect.first + effect.steps;
  Logits logits(input.tokens);
  input.observer = &logits;
  input.observe_layers = false;
  RunHooks hooks;
  hooks.interrupted = question.hooks.interrupted;
  hooks.wrap_cache = [&](LaneId lane, Mode, std::unique_ptr<KvCache> cache) { return lane == own_lane ? own_cache(question, std::move(cache)) : std::move(cache); };
  run_lockstep(*question.loaded.engine, input, hooks);
  const auto share = 1 / static_cast<double>(effect.steps);
  for (int64_t step = effect.first; step < input.tokens; ++step) {
    const auto at = static_cast<size_t>(step);
    effect.largest += share * largest_difference(logits.own[at], logits.sound[at]);
    effect.kld += share * divergence(logits.reference[at], logits.own[at]);
    effect.sound_kld += share * divergence(logits.reference[at], logits.sound[at]);
  }
  const ArithmeticFinding floor = measure_arithmetic(question.loaded, question.place, question.text, {effect.first, effect.steps});
  if (floor.measured) effect.floor = floor.floor;
  return effect;
}

// Lengths that are told, and nothing that is read.
bool only_told(const AuditedPart& part) { return part.elements == 0 && part.heads.empty(); }

}  // namespace

ConformanceFinding check_conformance(const ConformanceQuestion& question) {
  ConformanceFinding finding;
  const auto text = question.text.first(std::min(question.text.size(), static_cast<size_t>(most_text)));
  if (text.size() < 2) {
    finding.reason = "the reference wrote no text";
    return finding;
  }
  if (question.hooks.progress) question.hooks.progress({"the cache against its spec", 0, static_cast<int64_t>(text.size()), 0, 0});
  const Material& material = question.material;
  const ModelConfig& config = question.loaded.ready.files.config;
  const std::vector<float> frequencies = rope_frequencies(config.rope, config.head_size).inverse;
  const Tape tape{material.shape, material.prompt, material.prompt + static_cast<int64_t>(text.size()), material.tokens, material.key, material.value};
  const CacheSpec& spec = question.run.caches.front();
  const auto make = [&](const CacheShape& shape) { return own_cache(question, make_cache(spec, shape)); };
  try {
    finding.audit = audit_cache({spec, make, tape, frequencies});
  } catch (const UserError& error) {
    if (error.code() != ExitCode::usage) throw;
    finding.reason = error.what();
    return finding;
  }
  finding.asked = true;
  const Audit& audit = finding.audit;
  if (!audit.conforms && audit.operation.empty() && !only_told(audit.parts.front())) finding.effect = measure_effect(question, audit.parts.front().first_update);
  return finding;
}

std::string place_of(const AuditedPart& part) {
  std::string text = fmt::format("layer {} {}s", part.layer, name_of(part.side));
  if (!part.heads.empty()) text += fmt::format(" head{} {}", part.heads.size() > 1 ? "s" : "", fmt::join(part.heads, ", "));
  return text;
}

std::string headline_of(const ConformanceFinding& finding) {
  const Audit& audit = finding.audit;
  const AuditedPart& part = audit.parts.front();
  std::string text = "The cache is not what its spec says. ";
  if (audit.operation.empty()) text += fmt::format("From token {}: {}", part.first_update, place_of(part));
  else text += fmt::format("After \"{}\": {}", audit.operation, place_of(part));
  if (audit.parts.size() > 1) text += fmt::format(" and {} sides more", audit.parts.size() - 1);
  text += fmt::format(". Cause: {}; {}.", audit.cause, audit.evidence);
  if (finding.effect)
    text += fmt::format(" Mean KLD {:.3g}; with the cache that its spec describes, {:.3g}.", finding.effect->kld, finding.effect->sound_kld);
  return text;
}

}  // namespace kvdiff
