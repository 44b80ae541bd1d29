#include "harness/diagnose/trials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cache_backends/error.h"
#include "harness/metrics/recorder.h"

namespace kvdiff {
namespace {

constexpr LaneId first_candidate = 2;

std::string key_of(const Trial& trial) {
  return fmt::format("{}|{}|{}|{}", canonical(trial.spec), text_of(trial.patch), trial.read_text, trial.one_shot);
}

LaneInput lane_of(const Trial& trial) { return {key_of(trial), trial.spec, trial.spec.lane.prefill == "quantized"}; }

// Over the sides that hold codes.
double coded_share(const Receipt& receipt) {
  int64_t codes = 0, tokens = 0;
  for (const auto* sides : {&receipt.key, &receipt.value})
    for (const SideReceipt& one : *sides) {
      if (one.encoded_elements == 0) continue;
      codes += one.tokens_quantized;
      tokens += one.tokens_quantized + one.tokens_residual;
    }
  return tokens > 0 ? static_cast<double>(codes) / static_cast<double>(tokens) : 0;
}

TrialAnswer answer_of(const LaneMeasurements& measured, const LaneTrace& trace, const TrialWindow& window, int64_t vocabulary) {
  TrialAnswer answer;
  const ModeMeasurements* forced = measured.find(Mode::forced);
  if (!forced) throw InternalError("a trial was not measured");
  double sum = 0;
  int64_t steps = 0;
  for (const VocabularyStep& step : forced->vocabulary) {
    if (step.step < window.first || step.step >= window.end()) continue;
    ++steps;
    answer.not_finite += !step.finite;
    answer.flips += step.finite && step.flip;
    sum += step.finite ? step.kld : std::log(static_cast<double>(vocabulary));
  }
  answer.kld = steps > 0 ? sum / static_cast<double>(steps) : 0;
  answer.bytes = trace.forced->cache->bytes().total();
  answer.coded_share = coded_share(trace.forced->cache->receipt());
  if (trace.divergence) answer.parts_at = trace.divergence->step;
  return answer;
}

}  // namespace

std::vector<std::optional<TrialAnswer>> Trials::ask(const std::vector<Trial>& trials) {
  std::vector<const Trial*> fresh;
  for (const Trial& trial : trials) {
    const bool known = answers_.contains(key_of(trial)) || std::any_of(fresh.begin(), fresh.end(), [&](const Trial* one) {
      return key_of(*one) == key_of(trial);
    });
    if (!known && static_cast<int64_t>(fresh.size()) < left()) fresh.push_back(&trial);
  }
  const auto width = static_cast<size_t>(plan_.lanes_per_batch);
  for (size_t first = 0; first < fresh.size() && !interrupted_; first += width) {
    const size_t last = std::min(fresh.size(), first + width);
    run_batch({fresh.begin() + static_cast<std::ptrdiff_t>(first), fresh.begin() + static_cast<std::ptrdiff_t>(last)});
  }
  std::vector<std::optional<TrialAnswer>> answers;
  for (const Trial& trial : trials) {
    const auto found = answers_.find(key_of(trial));
    answers.push_back(found == answers_.end() ? std::nullopt : std::optional(found->second));
  }
  return answers;
}

void Trials::run_batch(const std::vector<const Trial*>& batch) {
  const CacheSpec full = parse_cache_spec("full");
  LockstepInput input = plan_.input;
  input.lanes = {{"reference", full, false}, {"control", full, false}};
  for (const Trial* trial : batch) input.lanes.push_back(lane_of(*trial));
  input.local = false;
  input.forced = true;
  input.free = std::any_of(batch.begin(), batch.end(), [](const Trial* trial) { return trial->read_text; });
  input.tokens = std::min(plan_.input.tokens, plan_.window.end());
  Recorder recorder({static_cast<int>(input.lanes.size()), 1, input.tokens});
  input.observer = &recorder;
  input.observe_layers = false;
  RunHooks hooks = hooks_;
  hooks.progress = [&](const Progress& now) {
    if (!hooks_.progress) return;
    const auto size = static_cast<int64_t>(batch.size());
    hooks_.progress({fmt::format("trials {}-{} of {}, {}", asked_ + 1, asked_ + size, budget(), now.phase), now.step, now.steps,
                     now.rows, now.lanes});
  };
  hooks.wrap_cache = [&](LaneId lane, Mode mode, std::unique_ptr<KvCache> cache) {
    const Trial* trial = lane < first_candidate ? nullptr : batch[static_cast<size_t>(lane - first_candidate)];
    if (trial && trial->one_shot) cache = make_one_shot_cache(trial->spec, cache->shape());
    if (hooks_.wrap_cache) cache = hooks_.wrap_cache(lane, mode, std::move(cache));
    return trial && !trial->patch.parts.empty() ? make_patched_cache(std::move(cache), trial->patch) : std::move(cache);
  };
  const LockstepResult result = run_lockstep(engine_, input, hooks);
  if (result.interrupted) {
    interrupted_ = true;
    return;
  }
  if (result.control.found && control_fault_.empty())
    control_fault_ = fmt::format("step {}: the control's {} differ from the reference's", result.control.step, name_of(result.control.stage));
  asked_ += static_cast<int64_t>(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    const auto lane = static_cast<LaneId>(i) + first_candidate;
    answers_[key_of(*batch[i])] = answer_of(recorder.take(lane), result.lanes[i + first_candidate], plan_.window,
                                            engine_.model.shape().vocabulary);
  }
}

}  // namespace kvdiff
