#include "harness/diagnose/arithmetic.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "harness/diagnose/walk.h"
#include "harness/run/plain_attention.h"
#include "harness/run/prepare.h"

namespace kvdiff {
namespace {

// The reference once more in one pass, without a cache: the same bits.
class HiddenSite final : public PlainAttention {
 public:
  explicit HiddenSite(Engine& engine) : PlainAttention(engine), layers_(engine.model.shape().layers) {}
  void hidden(int layer, std::span<const float> rows) override {
    if (layer + 1 == layers_) last.assign(rows.begin(), rows.end());
  }
  std::vector<float> last;  // [tokens, hidden]

 private:
  const int64_t layers_;
};

std::vector<float> last_hidden(Engine& engine, const std::vector<int32_t>& tokens) {
  HiddenSite site(engine);
  RowBatch batch;
  batch.tokens = tokens;
  for (size_t i = 0; i < tokens.size(); ++i) batch.positions.push_back(static_cast<int64_t>(i));
  batch.lengths.assign(tokens.size(), static_cast<int64_t>(tokens.size()));
  engine.model.forward(batch, site, {});
  return std::move(site.last);
}

double three_digits(double value) { return std::strtod(fmt::format("{:.2e}", value).c_str(), nullptr); }

}  // namespace

ArithmeticFinding measure_arithmetic(Loaded& loaded, const RunPlace& place, std::span<const int32_t> text, const TrialWindow& window,
                                     std::optional<int64_t> too) {
  ArithmeticFinding found;
  if (!place.measure_floor) found.reason = "this program was built without torch, which computes in float64";
  else if (excluded_from_cutting(loaded.ready.files.config)) found.reason = "dynamic RoPE scaling depends on how the text was cut";
  if (!found.reason.empty()) return found;
  std::vector<int32_t> tokens = loaded.ready.prompt.token_ids;
  const int64_t first = static_cast<int64_t>(tokens.size()) - 1 + window.first;
  tokens.insert(tokens.end(), text.begin(), text.end());
  const int64_t steps = std::max(window.end(), too.value_or(0) + 1) - window.first;
  tokens.resize(static_cast<size_t>(first + steps));  // the last step's own token is not read
  const std::vector<float> hidden = last_hidden(*loaded.engine, tokens);
  const ModelShape& shape = loaded.model->shape();
  const auto width = static_cast<size_t>(shape.hidden);
  std::vector<float> logits(static_cast<size_t>(shape.vocabulary));
  const auto logits_of = [&](int64_t step) -> std::span<const float> {
    loaded.model->head(std::span(hidden).subspan(static_cast<size_t>(first + step) * width, width), 1, logits);
    return logits;
  };
  found.measured = true;
  found.first = window.first;
  for (const double step : place.measure_floor({loaded.ready.files, loaded.ready.dtype, tokens, first, logits_of, loaded.ready.pool->threads()}))
    found.by_step.push_back(three_digits(step));
  if (steps > window.steps) {
    found.behind_step = *too;
    found.behind = found.by_step.back();
    found.by_step.resize(static_cast<size_t>(window.steps));
  }
  double sum = 0;
  for (const double step : found.by_step) sum += step;
  found.floor = found.by_step.empty() ? 0 : three_digits(sum / static_cast<double>(found.by_step.size()));
  return found;
}

void judge_candidate(const TrialAnswer& whole, ArithmeticFinding& found) {
  if (whole.not_finite > 0) return;
  found.candidate = whole.largest;
  found.below = found.measured && whole.largest <= found.floor;
}

void judge_parts(Walk& walk) {
  ArithmeticFinding& found = walk.result.arithmetic;
  const auto whole = walk.trials.known({walk.subject.spec, {}});
  if (!found.measured || !whole || whole->not_finite > 0) return;
  for (const PartScore& one : walk.result.scan) {
    const auto alone = walk.trials.known(alone_trial(walk.subject, {one.part})), exempt = walk.trials.known(exempt_trial(walk.subject, {one.part}));
    if (!alone || !exempt || alone->not_finite > 0 || exempt->not_finite > 0) continue;
    if (alone->largest <= found.floor && std::fabs(exempt->largest - whole->largest) <= found.floor) found.parts_below.push_back(one.part);
  }
}

std::string text_of(const ArithmeticFinding& found) {
  if (!found.measured) return fmt::format("not measured: {}", found.reason.empty() ? "there was no window to measure it in" : found.reason);
  const std::string candidate = found.candidate ? fmt::format("this cache by up to {:.3g}", *found.candidate) : "this cache makes some that are not finite";
  return fmt::format("rounding alone moves the logits of a step by up to {:.3g} (against float64, mean of {} steps), {}", found.floor, found.by_step.size(), candidate);
}

}  // namespace kvdiff
