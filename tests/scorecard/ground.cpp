#include "tests/scorecard/ground.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>

#include "cache_backends/decorators/forwarding_cache.h"
#include "cache_backends/error.h"
#include "harness/diagnose/diagnose.h"
#include "harness/model/files/folder.h"
#include "harness/model/files/rope.h"
#include "harness/commands/oracle.h"
#include "tests/support/tiny_llama.h"

namespace kvdiff::scorecard {
namespace {

// One page per token: another cutting of the same view.
class OneToken : public KvPage {
 public:
  OneToken(std::shared_ptr<const KvPage> page, int64_t token) : page_(std::move(page)), token_(token) {}
  int64_t tokens() const override { return 1; }
  bool quantized() const override { return page_->quantized(); }
  void decode(int64_t sequence, int64_t head, int64_t, int64_t count, float* out) const override {
    if (count > 0) page_->decode(sequence, head, token_, count, out);
  }

 private:
  const std::shared_ptr<const KvPage> page_;
  const int64_t token_;
};

class CutCache : public ForwardingCache {
 public:
  explicit CutCache(std::unique_ptr<KvCache> cache) : ForwardingCache(std::move(cache)) {}
  KvPages pages(int layer) const override {
    KvPages pages = cache_->pages(layer);
    for (auto* side : {&pages.key, &pages.value}) {
      std::vector<std::shared_ptr<const KvPage>> cut;
      for (const auto& page : *side)
        for (int64_t token = 0; token < page->tokens(); ++token) cut.push_back(std::make_shared<OneToken>(page, token));
      *side = std::move(cut);
    }
    return pages;
  }
  std::unique_ptr<KvCache> fork() const override { return std::make_unique<CutCache>(cache_->fork()); }
};

test::TinyLlama tiny_model(const Planted& one) {
  test::TinyLlama model;
  model.seed = one.model_seed;
  model.layers = 3;
  model.hidden_size = 64;
  model.head_size = 64;
  if (one.outlier_cause.empty()) return model;
  model.layers = 2;
  model.hidden_size = 32;
  model.head_size = 16;
  model.outlier_channels = {1};
  model.outlier_scale = one.outlier_cause == "precision" ? 1 : 64;
  return model;
}

std::vector<float> frequencies_of(const std::string& model) {
  const ModelConfig config = read_model_config(open_model_folder(resolve_model(model)));
  return rope_frequencies(config.rope, config.head_size).inverse;
}

Case asked(const Planted& one, const std::string& model) {
  Case run;
  run.model = model;
  run.prompt.text = one.prompt;
  run.caches = {parse_cache_spec(one.spec)};
  run.tokens = one.outlier_cause.empty() ? 28 : 40;
  run.ignore_eos = true;
  return run;
}

std::unique_ptr<KvCache> wrapped(const Planted& one, std::span<const float> frequencies, std::unique_ptr<KvCache> cache) {
  if (one.fault) return plant(*one.fault, one.place, {parse_cache_spec(one.spec), frequencies}, std::move(cache));
  if (one.wrapping == 1) return cache->fork()->fork();
  if (one.wrapping == 2) return std::make_unique<CutCache>(std::move(cache));
  return cache;
}

// Whatever a diagnosis says: is there anything to see? The faulty cache beside the sound one, fed alike; asked whenever the
// hit layer is read, until something is done to the cache.
class WatchedCache : public ForwardingCache {
 public:
  WatchedCache(std::unique_ptr<KvCache> faulty, std::unique_ptr<KvCache> sound, int layer, std::shared_ptr<std::atomic<bool>> visible)
      : ForwardingCache(std::move(faulty)), sound_(std::move(sound)), layer_(layer), visible_(std::move(visible)) {}
  void append(int layer, const KvBlock& fresh) override {
    cache_->append(layer, fresh);
    if (sound_) sound_->append(layer, fresh);
  }
  KvPages pages(int layer) const override {
    if (sound_ && layer == layer_ && !*visible_) compare();
    return cache_->pages(layer);
  }
  void settle() override {
    cache_->settle();
    if (sound_) sound_->settle();
  }
  void crop(int64_t tokens) override { handled().crop(tokens); }
  void reorder(std::span<const int64_t> rows) override { handled().reorder(rows); }
  void reset() override { handled().reset(); }
  void restore(std::span<const std::byte> saved) override { handled().restore(saved); }
  std::unique_ptr<KvCache> fork() const override { return cache_->fork(); }

 private:
  KvCache& handled() {
    sound_.reset();
    return *cache_;
  }
  void compare() const {
    for (const Side side : {Side::key, Side::value}) {
      const auto a = decoded(sound_->pages(layer_), side, shape()), b = decoded(cache_->pages(layer_), side, shape());
      if (a.size() != b.size() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) != 0) *visible_ = true;
    }
  }
  std::unique_ptr<KvCache> sound_;
  const int layer_;
  const std::shared_ptr<std::atomic<bool>> visible_;
};

std::unique_ptr<KvCache> watched(const Planted& one, std::span<const float> frequencies, std::unique_ptr<KvCache> cache,
                                 const std::shared_ptr<std::atomic<bool>>& visible) {
  if (!one.fault) return wrapped(one, frequencies, std::move(cache));
  auto sound = cache->fork();
  return std::make_unique<WatchedCache>(wrapped(one, frequencies, std::move(cache)), std::move(sound), one.place.layer, visible);
}

}  // namespace

Outcome diagnose_case(const Planted& one, int threads) {
  Outcome outcome;
  const auto start = std::chrono::steady_clock::now();
  try {
    test::TemporaryFolder folder;
    if (one.model == "tiny") test::write_tiny_llama(folder.path(), tiny_model(one));
    const std::string model = one.model == "tiny" ? folder.path().string() : one.model;
    const std::vector<float> frequencies = frequencies_of(model);
    const bool handled = one.fault && one.fault->operation != PlantedFault::Operation::none;
    const auto visible = std::make_shared<std::atomic<bool>>(!one.fault || handled);
    RunPlace place;
    place.threads = threads;
    place.measure_floor = floor_oracle();
    RunHooks hooks;
    hooks.wrap_cache = [&](LaneId lane, Mode, std::unique_ptr<KvCache> cache) {
      return lane == 2 ? watched(one, frequencies, std::move(cache), visible) : std::move(cache);
    };
    Budget budget;
    budget.trials = one.outlier_cause.empty() ? 2 : 240;
    outcome.diagnosis = diagnose(asked(one, model), budget, place, hooks);
    outcome.visible = *visible;
    outcome.answered = true;
  } catch (const std::exception& error) {
    outcome.error = error.what();
  }
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

}  // namespace kvdiff::scorecard
