#include "harness/checks/probe.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/checks/natural_text.h"
#include "harness/metrics/softmax.h"
#include "harness/run/plain_attention.h"

namespace kvdiff {
namespace {

constexpr size_t most_tokens = 256, oracle_tokens = 64;
constexpr int64_t rows_at_once = 16, smallest_language = 4096;  // tokens of a vocabulary
constexpr double common_thetas[] = {10000, 100000, 500000, 1000000};

// Attention without a cache that looks at the hidden states, too.
class ProbeSite final : public PlainAttention {
 public:
  ProbeSite(Engine& engine) : PlainAttention(engine), largest_(static_cast<size_t>(engine.model.shape().layers)) {}
  void hidden(int layer, std::span<const float> rows) override {
    double& largest = largest_[static_cast<size_t>(layer)];
    for (const float value : rows) {
      const double size = std::fabs(static_cast<double>(value));
      if (!(size <= largest)) largest = std::isfinite(size) ? size : std::numeric_limits<double>::infinity();
    }
    if (layer + 1 == static_cast<int>(largest_.size())) last.assign(rows.begin(), rows.end());
  }
  const std::vector<double>& largest() const { return largest_; }
  std::vector<float> last;  // [tokens, hidden]

 private:
  std::vector<double> largest_;
};

// Empty where the tokenizer gives ids that the model does not know (tokenizer.ids says so).
std::vector<int32_t> probe_tokens(const TextModel& text, int64_t vocabulary) {
  std::vector<int32_t> ids = text.tokenizer.encode(natural_text(), true);
  ids.resize(std::min(ids.size(), most_tokens));
  if (std::any_of(ids.begin(), ids.end(), [&](int32_t id) { return id >= vocabulary; })) ids.clear();
  return ids;
}

struct Pass {
  std::vector<double> losses, entropies, largest;
  std::vector<float> hidden;
  void add(std::span<const float> logits, int32_t token);
};

// What the token costs, and what the model expects it to cost: sum of p * -ln p.
void Pass::add(std::span<const float> logits, int32_t token) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const bool finite = std::all_of(logits.begin(), logits.end(), [](float one) { return std::isfinite(one); });
  if (!finite) {
    losses.push_back(none);
    entropies.push_back(none);
    return;
  }
  const SoftmaxRow row = softmax_row(logits);
  const double log_all = static_cast<double>(row.max) + row.log_sum;
  double expected = 0;
  for (size_t i = 0; i < logits.size(); ++i) expected += row.weights[i] * (log_all - static_cast<double>(logits[i]));
  losses.push_back(log_all - static_cast<double>(logits[static_cast<size_t>(token)]));
  entropies.push_back(expected / row.sum);
}

// splitmix64, a fixed seed: the same order on every machine. The first token stays.
std::vector<int32_t> shuffled(std::vector<int32_t> tokens) {
  uint64_t state = 0x6b76646966660002u;
  for (size_t left = tokens.size() - 1; left > 1; --left) {
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    std::swap(tokens[left], tokens[1 + static_cast<size_t>((z ^ (z >> 31)) % left)]);
  }
  return tokens;
}

Pass pass_over(Engine& engine, const std::vector<int32_t>& tokens) {
  ProbeSite site(engine);
  RowBatch batch;
  batch.tokens = tokens;
  for (size_t i = 0; i < tokens.size(); ++i) batch.positions.push_back(static_cast<int64_t>(i));
  batch.lengths.assign(tokens.size(), static_cast<int64_t>(tokens.size()));
  engine.model.forward(batch, site, {});
  const ModelShape& shape = engine.model.shape();
  Pass pass{{}, {}, site.largest(), std::move(site.last)};
  std::vector<float> logits;
  for (int64_t first = 0; first + 1 < batch.rows(); first += rows_at_once) {
    const int64_t rows = std::min(rows_at_once, batch.rows() - 1 - first);
    logits.resize(static_cast<size_t>(rows * shape.vocabulary));
    engine.model.head(std::span(pass.hidden).subspan(static_cast<size_t>(first * shape.hidden), static_cast<size_t>(rows * shape.hidden)), rows, logits);
    for (int64_t row = 0; row < rows; ++row)
      pass.add(std::span(logits).subspan(static_cast<size_t>(row * shape.vocabulary), static_cast<size_t>(shape.vocabulary)),
               tokens[static_cast<size_t>(first + row + 1)]);
  }
  return pass;
}

double deviation_of(std::span<const float> values) {
  double sum = 0, squares = 0;
  for (const float value : values) sum += static_cast<double>(value), squares += static_cast<double>(value) * static_cast<double>(value);
  const auto count = static_cast<double>(values.size());
  return std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
}

void compare_with_oracle(Loaded& loaded, const RunPlace& place, std::vector<int32_t> tokens, ReferenceFacts& facts) {
  if (!place.measure_floor) return;
  tokens.resize(std::min(tokens.size(), oracle_tokens));
  const Pass pass = pass_over(*loaded.engine, tokens);
  const ModelShape& shape = loaded.model->shape();
  std::vector<float> logits(static_cast<size_t>(shape.vocabulary));
  const auto logits_of = [&](int64_t token) -> std::span<const float> {
    loaded.model->head(std::span(pass.hidden).subspan(static_cast<size_t>(token * shape.hidden), static_cast<size_t>(shape.hidden)), 1, logits);
    facts.deviation.push_back(deviation_of(logits));
    return logits;
  };
  facts.oracle = place.measure_floor({loaded.ready.files, loaded.ready.dtype, tokens, 0, logits_of, loaded.ready.pool->threads()});
}

}  // namespace

ReferenceFacts probe_reference(Engine& engine, const TextModel& text) {
  const std::vector<int32_t> tokens = probe_tokens(text, engine.model.shape().vocabulary);
  ReferenceFacts facts;
  facts.dtype = engine.model.shape().attention.dtype;
  if (tokens.size() < 2) return facts;
  Pass pass = pass_over(engine, tokens);
  facts.losses = std::move(pass.losses);
  facts.entropies = std::move(pass.entropies);
  facts.largest = std::move(pass.largest);
  facts.characters = static_cast<int64_t>(text.tokenizer.decode(std::span(tokens).subspan(1), true).size());
  return facts;
}

void probe_doubts(Engine& engine, const TextModel& text, std::span<const int32_t> prompt, std::span<const int32_t> own, ReferenceFacts& facts) {
  const std::vector<int32_t> tokens = probe_tokens(text, engine.model.shape().vocabulary);
  if (tokens.size() < 2) return;
  facts.shuffled = pass_over(engine, shuffled(tokens)).losses;
  std::vector<int32_t> whole(prompt.begin(), prompt.end());
  whole.insert(whole.end(), own.begin(), own.begin() + static_cast<std::ptrdiff_t>(std::min(own.size(), most_tokens)));
  if (prompt.empty() || own.empty()) return;
  const std::vector<double> losses = pass_over(engine, whole).losses;
  facts.own.assign(losses.begin() + static_cast<std::ptrdiff_t>(prompt.size() - 1), losses.end());
}

ThetaProbe probe_base(const Loaded& loaded, double theta) {
  ModelConfig config = loaded.ready.files.config;
  config.rope.theta = theta;
  const ModelOptions options{loaded.ready.dtype, loaded.model->shape().attention.eager};
  const auto model = make_model(config, loaded.ready.files.weights, options, *loaded.ready.pool);
  Engine engine(*model, *loaded.ready.pool);
  return {theta, pass_over(engine, probe_tokens(loaded.ready.text, config.vocabulary_size)).losses};
}

void probe_bases(Loaded& loaded, ReferenceFacts& facts) {
  if (loaded.model->shape().vocabulary < smallest_language || facts.losses.size() < 2 || !facts.thetas.empty()) return;
  for (const double theta : common_thetas)
    if (theta != loaded.ready.files.config.rope.theta) facts.thetas.push_back(probe_base(loaded, theta));
}

void probe_further(Loaded& loaded, const RunPlace& place, ReferenceFacts& facts) {
  const std::vector<int32_t> tokens = probe_tokens(loaded.ready.text, loaded.model->shape().vocabulary);
  if (tokens.size() < 2) return;
  probe_bases(loaded, facts);
  compare_with_oracle(loaded, place, tokens, facts);
}

}  // namespace kvdiff
