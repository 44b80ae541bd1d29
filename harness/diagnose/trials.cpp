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

// Records everything, and keeps what each lane makes of the two tokens.
class FlipObserver final : public Observer {
 public:
  FlipObserver(Observer& inner, const std::optional<FlipPoint>& at, size_t lanes) : inner_(inner), at_(at), seen_(lanes) {}
  void on(const Observation& seen) override {
    inner_.on(seen);
    if (!at_ || seen.mode != Mode::forced || seen.stage != Stage::logits || seen.step != at_->step) return;
    const std::span<const float> logits = seen.candidate;
    if (!std::all_of(logits.begin(), logits.end(), [](float one) { return std::isfinite(one); })) return;
    const auto largest = std::max_element(logits.begin(), logits.end()) - logits.begin();  // the lowest id of equal ones
    seen_[static_cast<size_t>(seen.lane)] =
        FlipLogits{logits[static_cast<size_t>(at_->reference)], logits[static_cast<size_t>(at_->candidate)], largest == at_->reference};
  }
  const std::optional<FlipLogits>& of(LaneId lane) const { return seen_[static_cast<size_t>(lane)]; }

 private:
  Observer& inner_;
  const std::optional<FlipPoint> at_;
  std::vector<std::optional<FlipLogits>> seen_;  // by lane
};

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

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
  std::vector<double> largest;
  for (const VocabularyStep& step : forced->vocabulary) {
    if (step.step < window.first || step.step >= window.end()) continue;
    answer.not_finite += !step.finite;
    answer.flips += step.finite && step.flip;
    answer.kld_by_step.push_back(step.finite ? step.kld : std::log(static_cast<double>(vocabulary)));
    largest.push_back(forced->at(Stage::logits).by_step[static_cast<size_t>(step.step)].max_abs);
  }
  answer.kld = mean(answer.kld_by_step);
  answer.largest = mean(largest);
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
  // Only lanes that speak freely share a batch with such lanes: a restoring patch knows the reference's text alone.
  const auto quiet = std::stable_partition(fresh.begin(), fresh.end(), [](const Trial* one) { return !one->read_text; });
  run_batches({fresh.begin(), quiet});
  run_batches({quiet, fresh.end()});
  std::vector<std::optional<TrialAnswer>> answers;
  for (const Trial& trial : trials) answers.push_back(known(trial));
  return answers;
}

std::optional<TrialAnswer> Trials::known(const Trial& trial) const {
  const auto found = answers_.find(key_of(trial));
  return found == answers_.end() ? std::nullopt : std::optional(found->second);
}

void Trials::join(const Trials& other) {
  asked_ += other.asked_;
  interrupted_ = interrupted_ || other.interrupted_;
  if (control_fault_.empty()) control_fault_ = other.control_fault_;
}

void Trials::run_batches(const std::vector<const Trial*>& fresh) {
  const auto width = static_cast<size_t>(plan_.lanes_per_batch);
  for (size_t first = 0; first < fresh.size() && !interrupted_; first += width) {
    const size_t last = std::min(fresh.size(), first + width);
    run_batch({fresh.begin() + static_cast<std::ptrdiff_t>(first), fresh.begin() + static_cast<std::ptrdiff_t>(last)});
  }
}

int64_t Trials::end_of_batch(bool read_text) const {
  const bool to_the_flip = follows_flip_ && plan_.flip && !read_text;
  return std::min(plan_.input.tokens, to_the_flip ? std::max(plan_.window.end(), plan_.flip->step + 1) : plan_.window.end());
}

void Trials::run_batch(const std::vector<const Trial*>& batch) {
  const CacheSpec full = parse_cache_spec("full");
  LockstepInput input = plan_.input;
  input.lanes = {{"reference", full, false}, {"control", full, false}};
  for (const Trial* trial : batch) input.lanes.push_back(lane_of(*trial));
  input.local = false;
  input.forced = true;
  input.free = std::any_of(batch.begin(), batch.end(), [](const Trial* trial) { return trial->read_text; });
  input.tokens = end_of_batch(input.free);
  Recorder recorder({static_cast<int>(input.lanes.size()), 1, input.tokens});
  FlipObserver observer(recorder, plan_.flip, input.lanes.size());
  input.observer = &observer;
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
    TrialAnswer& answer = answers_[key_of(*batch[i])];
    answer = answer_of(recorder.take(lane), result.lanes[i + first_candidate], plan_.window, engine_.model.shape().vocabulary);
    answer.flip = observer.of(lane);
  }
}

}  // namespace kvdiff
