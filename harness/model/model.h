#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache_backends/kv_cache.h"
#include "harness/model/compute.h"
#include "harness/model/files/config.h"
#include "harness/model/files/weights.h"
#include "harness/parallel.h"

namespace kvdiff {

struct ModelOptions {
  Dtype dtype = Dtype::float16;
  bool eager = false;
};

struct ModelShape {
  int64_t layers = 0, hidden = 0, vocabulary = 0, max_positions = 0;
  AttentionShape attention;
  CacheShape cache(int64_t batch = 1) const {
    return {layers, batch, attention.kv_heads, attention.head_size, attention.dtype};
  }
};

// Rows of one pass. The model does not know what a row belongs to: see AttentionSite.
struct RowBatch {
  std::vector<int32_t> tokens;
  std::vector<int64_t> positions;
  std::vector<int64_t> lengths;     // of the row's sequence at this pass, this pass included (dynamic RoPE asks)
  std::vector<int64_t> logit_rows;  // rows that want logits, ascending
  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
};

// One layer's projections of all rows, after RoPE and rounded: [rows, heads | kv_heads, head_size].
struct LayerRows {
  int64_t rows = 0;
  std::span<const float> query, key, value;
};

// Whoever owns the caches: it appends, attends and observes.
class AttentionSite {
 public:
  virtual ~AttentionSite() = default;
  virtual void attend(int layer, const LayerRows& rows, std::span<float> out) = 0;  // out: [rows, heads, head_size]
  virtual void hidden(int, std::span<const float>) {}  // after the layer's last residual addition: [rows, hidden]
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelShape& shape() const = 0;
  // logits: [batch.logit_rows.size(), vocabulary], rounded to the dtype. Throws UserError(input) for token ids outside
  // the vocabulary.
  virtual void forward(const RowBatch& batch, AttentionSite& site, std::span<float> logits) = 0;
  // The same from hidden states: rows of what AttentionSite::hidden saw of the last layer. [rows, hidden] -> [rows, vocabulary]
  virtual void head(std::span<const float> hidden, int64_t rows, std::span<float> logits) = 0;
  virtual int64_t weight_bytes() const = 0;
  // Where it computes: all spans of this interface lie in its memory.
  virtual const Compute& compute() const = 0;
};

// Whose threads load the weights, and what the model computes with.
struct ModelPlace {
  ThreadPool& pool;
  std::shared_ptr<const Compute> compute;
};

// A model family: one file, one row. make() repacks the weights; the map may be closed afterwards.
struct FamilyRow {
  std::string_view name, summary;
  std::unique_ptr<Model> (*make)(const ModelConfig&, const Weights&, const ModelOptions&, const ModelPlace&);
};
std::span<const FamilyRow> model_families();
std::unique_ptr<Model> make_model(const ModelConfig&, const Weights&, const ModelOptions&, const ModelPlace&);
std::unique_ptr<Model> make_model(const ModelConfig&, const Weights&, const ModelOptions&, ThreadPool&);  // on the host

std::unique_ptr<Model> make_llama(const ModelConfig&, const Weights&, const ModelOptions&, const ModelPlace&);

}  // namespace kvdiff
