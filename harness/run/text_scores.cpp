#include "harness/run/text_scores.h"

#include <algorithm>

#include "harness/metrics/logit_row.h"

namespace kvdiff {
namespace {

constexpr int64_t rows_at_once = 64;        // of one text in one pass
constexpr size_t texts_at_once = 16;        // in one pass
constexpr int64_t logit_rows_at_once = 16;  // the logits of all rows at once would not fit for a large vocabulary

// One text on its way. What is fed at position prompt + i - 1 is the token before token i.
struct Reading {
  const std::vector<int32_t>* text = nullptr;
  std::unique_ptr<KvCache> cache;
  std::vector<double>* nll = nullptr;
  int64_t count = 0;  // rows in this pass
  int64_t first = 0;  // the first of them in the batch
  KvPages pages;

  int64_t done() const { return static_cast<int64_t>(nll->size()); }
  int64_t left() const { return static_cast<int64_t>(text->size()) - done(); }
};

std::span<const float> part(std::span<const float> rows, int64_t width, int64_t first, int64_t count) {
  return rows.subspan(static_cast<size_t>(first * width), static_cast<size_t>(count * width));
}

class ReadingSite final : public AttentionSite {
 public:
  ReadingSite(Engine& engine, std::span<Reading> readings) : engine_(engine), readings_(readings) {}

  void attend(int layer, const LayerRows& rows, std::span<float> out) override {
    const AttentionShape& shape = engine_.model.shape().attention;
    engine_.pool.run(static_cast<int64_t>(readings_.size()),
                     [&](int64_t index, int) { append(readings_[static_cast<size_t>(index)], layer, rows); });
    const int64_t width = shape.heads * shape.head_size;
    std::vector<QueryRows> jobs;
    for (const Reading& reading : readings_)
      if (reading.count > 0)
        jobs.push_back({&reading.pages, rows.query.data() + reading.first * width, reading.count,
                        reading.pages.tokens - reading.count + 1, out.data() + reading.first * width});
    engine_.compute.attend_rows(shape, jobs);
  }

  void hidden(int layer, std::span<const float> rows) override {
    if (layer + 1 == engine_.model.shape().layers) engine_.compute.copy(last_, rows);
  }
  std::span<const float> last() const { return last_.span(); }

 private:
  void append(Reading& reading, int layer, const LayerRows& rows) const {
    if (reading.count == 0) return;
    const CacheShape shape = engine_.model.shape().cache();
    const int64_t width = shape.heads * shape.head_size;
    append_rows(engine_.compute, *reading.cache, layer,
                {reading.count, {}, part(rows.key, width, reading.first, reading.count),
                 part(rows.value, width, reading.first, reading.count)});
    reading.pages = reading.cache->pages(layer);
  }

  Engine& engine_;
  std::span<Reading> readings_;
  Values last_;
};

// The rows of a pass, in order, against the tokens that came next.
std::vector<double> nll_of_pass(Engine& engine, std::span<const float> hidden, std::span<const int32_t> next) {
  const ModelShape& shape = engine.model.shape();
  const auto rows = static_cast<int64_t>(next.size());
  std::vector<double> all;
  for (int64_t begin = 0; begin < rows; begin += logit_rows_at_once) {
    const int64_t count = std::min(logit_rows_at_once, rows - begin);
    const Values logits = logits_of(engine, part(hidden, shape.hidden, begin, count), count);
    const auto tokens = next.subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
    const std::vector<double> some = nll_of_rows(logits.span(), tokens, engine.compute.device(), engine.pool);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

// One pass: some rows of each text that is not read to its end.
void read_on(Engine& engine, std::span<const int32_t> prompt, std::span<Reading> readings) {
  RowBatch batch;
  std::vector<int32_t> next;
  const auto length = static_cast<int64_t>(prompt.size());
  for (Reading& reading : readings) {
    const int64_t done = reading.done();
    reading.count = std::min(rows_at_once, reading.left());
    reading.first = batch.rows();
    for (int64_t i = done; i < done + reading.count; ++i) {
      batch.tokens.push_back(i == 0 ? prompt.back() : (*reading.text)[static_cast<size_t>(i - 1)]);
      batch.positions.push_back(length + i - 1);
      batch.lengths.push_back(length + done + reading.count - 1);
      next.push_back((*reading.text)[static_cast<size_t>(i)]);
    }
  }
  ReadingSite site(engine, readings);
  engine.model.forward(batch, site, {});
  const std::vector<double> nll = nll_of_pass(engine, site.last(), next);
  for (Reading& reading : readings)
    reading.nll->insert(reading.nll->end(), nll.begin() + reading.first, nll.begin() + reading.first + reading.count);
}

}  // namespace

std::vector<std::vector<double>> score_texts(Engine& engine, const Stream& reference, std::span<const int32_t> prompt,
                                             std::span<const std::vector<int32_t>> texts) {
  std::vector<std::vector<double>> scores(texts.size());
  for (size_t begin = 0; begin < texts.size(); begin += texts_at_once) {
    std::vector<Reading> readings;
    for (size_t i = begin; i < std::min(texts.size(), begin + texts_at_once); ++i) {
      readings.push_back({&texts[i], reference.cache->fork(), &scores[i], 0, 0, {}});
      readings.back().cache->crop(static_cast<int64_t>(prompt.size()) - 1);
    }
    const auto unread = [](const Reading& reading) { return reading.left() > 0; };
    while (std::any_of(readings.begin(), readings.end(), unread)) read_on(engine, prompt, readings);
  }
  return scores;
}

}  // namespace kvdiff
