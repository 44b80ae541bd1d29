#include "harness/model/model.h"

#include <optional>

#include "harness/model/files/folder.h"
#include "harness/run/prefill.h"
#include "tests/parity/bridge.h"

namespace kvdiff::parity {
namespace {

using Values = std::vector<float>;

// What one pass shows, layer by layer.
struct Seen {
  Values attended, hidden;  // [layers, rows, heads x D], [layers, rows, hidden]
};

class WatchedSite final : public AttentionSite {
 public:
  WatchedSite(AttentionSite& site, Seen& seen) : site_(site), seen_(seen) {}
  void attend(int layer, const LayerRows& rows, std::span<float> out) override {
    site_.attend(layer, rows, out);
    seen_.attended.insert(seen_.attended.end(), out.begin(), out.end());
  }
  void hidden(int layer, std::span<const float> rows) override {
    site_.hidden(layer, rows);
    seen_.hidden.insert(seen_.hidden.end(), rows.begin(), rows.end());
  }

 private:
  AttentionSite& site_;
  Seen& seen_;
};

// The model of a run, watched: what calls it (prefill.h) need not know.
class WatchedModel final : public Model {
 public:
  explicit WatchedModel(Model& model) : model_(model) {}
  const ModelShape& shape() const override { return model_.shape(); }
  void forward(const RowBatch& batch, AttentionSite& site, std::span<float> logits) override {
    WatchedSite watched(site, seen);
    model_.forward(batch, watched, logits);
  }
  void head(std::span<const float> hidden, int64_t rows, std::span<float> logits) override {
    model_.head(hidden, rows, logits);
  }
  int64_t weight_bytes() const override { return model_.weight_bytes(); }
  const Compute& compute() const override { return model_.compute(); }

  Seen seen;

 private:
  Model& model_;
};

// A cache in full precision that holds the tensors PREFIX.key.L and PREFIX.value.L, [1, H, T, D].
int64_t fill(KvCache& cache, const std::string& prefix, const Exchange& exchange) {
  int64_t tokens = 0;
  for (int layer = 0; layer < cache.shape().layers; ++layer) {
    const std::string number = std::to_string(layer), key = prefix + ".key." + number;
    tokens = exchange.shape(key).tokens;
    const Values keys = exchange.values(key), values = exchange.values(prefix + ".value." + number);
    cache.append(layer, {keys, values, tokens});
  }
  return tokens;
}

void put_all(const std::string& id, const Seen& seen, Model& model, int64_t rows, Exchange& exchange) {
  const ModelShape& shape = model.shape();
  const std::span<const float> last = std::span(seen.hidden).last(static_cast<size_t>(rows * shape.hidden));
  Values logits(static_cast<size_t>(rows * shape.vocabulary));
  model.head(last, rows, logits);
  exchange.put(id + ".logits", {rows, shape.vocabulary}, std::move(logits));
  exchange.put(id + ".hidden", {shape.layers, rows, shape.hidden}, seen.hidden);
  exchange.put(id + ".attended", {shape.layers, rows, shape.attention.heads * shape.attention.head_size}, seen.attended);
}

}  // namespace

// job: {"id", "folder" (a checkpoint), "dtype", "eager", "tokens", "history"}. Runs the tokens in one pass, behind what
// the tensors of that prefix hold, if there is one. Puts ID.attended (before the output projection), ID.hidden (after
// each layer) and ID.logits, of every token.
json run_model(const json& job, Exchange& exchange) {
  const ModelFiles files = open_model(job.at("folder").get<std::string>());
  ThreadPool pool(2);
  const Dtype dtype = parse_dtype(job.at("dtype").get<std::string>());
  const auto model = make_model(files.config, files.weights, {dtype, job.at("eager")}, pool);
  WatchedModel watched(*model);
  Engine engine(watched, pool);
  const ModelShape& shape = model->shape();
  Stream stream(0, Mode::forced, make_cache(parse_cache_spec("full"), shape.cache()), shape.layers);
  if (const std::string prefix = job.value("history", ""); !prefix.empty())
    stream.position = fill(*stream.cache, prefix, exchange);
  const auto tokens = job.at("tokens").get<std::vector<int32_t>>();
  prefill(engine, stream, tokens, 0);
  put_all(job.at("id"), watched.seen, *model, static_cast<int64_t>(tokens.size()), exchange);
  return json::object();
}

}  // namespace kvdiff::parity
