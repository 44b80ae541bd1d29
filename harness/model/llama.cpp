// The Llama family, as transformers 5.23 modeling_llama.py computes it, in the written order of kernels.h. 16-bit types
// round after each module: linear, RoPE's products and sum, norm, activation and product, attention, residual addition.
#include <cmath>
#include <string>

#include "cache_backends/error.h"
#include "harness/model/kernels/kernels.h"
#include "harness/model/matrix.h"
#include "harness/model/model.h"
#include "harness/model/rotary.h"

namespace kvdiff {
namespace {

using Buffer = std::vector<float>;

Dtype dtype_of(StoredType type) {
  if (type == StoredType::F16) return Dtype::float16;
  return type == StoredType::BF16 ? Dtype::bfloat16 : Dtype::float32;
}

struct Linear {
  Matrix weight;
  Buffer bias;  // empty: none

  void operator()(const Buffer& x, int64_t rows, Buffer& y, Dtype dtype, ThreadPool& pool) const {
    y.resize(static_cast<size_t>(rows * weight.outputs()));
    weight.multiply(x, rows, y, pool);
    if (!bias.empty())
      for (size_t i = 0; i < y.size(); ++i) y[i] += bias[i % bias.size()];
    kernels().round(dtype, y.data(), static_cast<int64_t>(y.size()));
  }
};

struct Layer {
  Buffer input_norm, post_attention_norm;
  Linear query, key, value, output, gate, up, down;
};

class Loader {
 public:
  Loader(const Weights& weights, Dtype dtype, ThreadPool& pool) : weights_(weights), dtype_(dtype), pool_(pool) {}

  Matrix matrix(const std::string& name) const {
    const TensorEntry& tensor = weights_.at(name);
    // float32 holds any checkpoint exactly, so the narrower bits are kept and widened on the way to the registers.
    const Dtype stored = dtype_ == Dtype::float32 ? dtype_of(tensor.type) : dtype_;
    return Matrix(tensor.shape[0], tensor.shape[1], stored, [&](int64_t row, std::span<float> out) {
      read_row(tensor, row, out);
      kernels().round(stored, out.data(), static_cast<int64_t>(out.size()));
    }, pool_);
  }
  Buffer vector(const std::string& name) const {
    Buffer values = read_all(weights_.at(name));
    kernels().round(dtype_, values.data(), static_cast<int64_t>(values.size()));
    return values;
  }
  Linear linear(const std::string& name, bool bias) const {
    return {matrix(name + ".weight"), bias ? vector(name + ".bias") : Buffer{}};
  }

 private:
  const Weights& weights_;
  Dtype dtype_;
  ThreadPool& pool_;
};

Layer load_layer(const Loader& load, const ModelConfig& config, int64_t index) {
  const std::string at = "model.layers." + std::to_string(index) + ".";
  const bool attention = config.attention_bias, mlp = config.mlp_bias;
  return {load.vector(at + "input_layernorm.weight"),         load.vector(at + "post_attention_layernorm.weight"),
          load.linear(at + "self_attn.q_proj", attention),    load.linear(at + "self_attn.k_proj", attention),
          load.linear(at + "self_attn.v_proj", attention),    load.linear(at + "self_attn.o_proj", attention),
          load.linear(at + "mlp.gate_proj", mlp),             load.linear(at + "mlp.up_proj", mlp),
          load.linear(at + "mlp.down_proj", mlp)};
}

ModelShape shape_of(const ModelConfig& config, const ModelOptions& options) {
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_size)));
  return {config.layers, config.hidden_size, config.vocabulary_size, config.max_positions,
          {config.heads, config.kv_heads, config.head_size, scale, options.dtype, options.eager}};
}

class Llama final : public Model {
 public:
  Llama(const ModelConfig& config, const Weights& weights, const ModelOptions& options, ThreadPool& pool)
      : shape_(shape_of(config, options)), dtype_(options.dtype), pool_(pool),
        epsilon_(static_cast<float>(config.rms_norm_eps)), rotary_(config.rope, config.head_size, options.dtype) {
    const Loader load(weights, dtype_, pool);
    embedding_ = load.matrix("model.embed_tokens.weight");
    for (int64_t layer = 0; layer < config.layers; ++layer) layers_.push_back(load_layer(load, config, layer));
    norm_ = load.vector("model.norm.weight");
    if (!config.tie_word_embeddings) head_ = load.matrix("lm_head.weight");
  }

  const ModelShape& shape() const override { return shape_; }

  int64_t weight_bytes() const override {
    int64_t total = embedding_.bytes() + head_.bytes();
    for (const Layer& layer : layers_)
      for (const Linear* one : {&layer.query, &layer.key, &layer.value, &layer.output, &layer.gate, &layer.up, &layer.down})
        total += one->weight.bytes();
    return total;
  }

  void forward(const RowBatch& batch, AttentionSite& site, std::span<float> logits) override {
    prepare(batch);
    for (size_t layer = 0; layer < layers_.size(); ++layer) {
      attention_block(layers_[layer], static_cast<int>(layer), batch, site);
      mlp_block(layers_[layer], batch.rows());
      site.hidden(static_cast<int>(layer), residual_);
    }
    if (!batch.logit_rows.empty()) wanted_logits(batch, logits);
  }

  void head(std::span<const float> hidden, int64_t rows, std::span<float> logits) override {
    normed_.resize(hidden.size());
    for (int64_t row = 0; row < rows; ++row)
      normalize(hidden.data() + row * shape_.hidden, norm_, row_of(normed_, row).data());
    (head_.outputs() ? head_ : embedding_).multiply(normed_, rows, logits, pool_);
    kernels().round(dtype_, logits.data(), static_cast<int64_t>(logits.size()));
  }

 private:
  void prepare(const RowBatch& batch) {
    residual_.resize(static_cast<size_t>(batch.rows() * shape_.hidden));
    for (int64_t row = 0; row < batch.rows(); ++row) {
      const int32_t token = batch.tokens[static_cast<size_t>(row)];
      if (token < 0 || token >= shape_.vocabulary)
        throw UserError(ExitCode::input, "token id " + std::to_string(token) + " is outside the vocabulary of " +
                                             std::to_string(shape_.vocabulary) + " tokens");
      embedding_.row(token, row_of(residual_, row));
      rotary_.prepare(batch.positions[static_cast<size_t>(row)], batch.lengths[static_cast<size_t>(row)]);
    }
  }

  std::span<float> row_of(Buffer& buffer, int64_t row) const {
    const auto width = static_cast<size_t>(shape_.hidden);
    return std::span(buffer).subspan(static_cast<size_t>(row) * width, width);
  }

  // x / sqrt(mean(x^2) + eps), rounded, times the weight, rounded.
  void normalize(const float* x, const Buffer& weight, float* y) const {
    const Kernels& kernel = kernels();
    const int64_t width = shape_.hidden;
    const float mean = kernel.sum_of_squares(x, width) / static_cast<float>(width);
    const float factor = 1.0f / std::sqrt(mean + epsilon_);
    for (int64_t i = 0; i < width; ++i) y[i] = x[i] * factor;
    kernel.round(dtype_, y, width);
    for (int64_t i = 0; i < width; ++i) y[i] *= weight[static_cast<size_t>(i)];
    kernel.round(dtype_, y, width);
  }

  void normalize_rows(const Buffer& weight, int64_t rows) {
    normed_.resize(residual_.size());
    for (int64_t row = 0; row < rows; ++row)
      normalize(row_of(residual_, row).data(), weight, row_of(normed_, row).data());
  }

  void rotate(Buffer& rows, int64_t width, const RowBatch& batch) {
    pool_.run(batch.rows(), [&](int64_t row, int) {
      const auto at = static_cast<size_t>(row);
      rotary_.rotate(std::span(rows).subspan(at * static_cast<size_t>(width), static_cast<size_t>(width)),
                     batch.positions[at], batch.lengths[at]);
    });
  }

  void attention_block(const Layer& layer, int index, const RowBatch& batch, AttentionSite& site) {
    const int64_t rows = batch.rows();
    normalize_rows(layer.input_norm, rows);
    layer.query(normed_, rows, query_, dtype_, pool_);
    layer.key(normed_, rows, key_, dtype_, pool_);
    layer.value(normed_, rows, value_, dtype_, pool_);
    rotate(query_, layer.query.weight.outputs(), batch);
    rotate(key_, layer.key.weight.outputs(), batch);
    attended_.resize(query_.size());
    site.attend(index, {rows, query_, key_, value_}, attended_);
    layer.output(attended_, rows, projected_, dtype_, pool_);
    add_to_residual();
  }

  void mlp_block(const Layer& layer, int64_t rows) {
    normalize_rows(layer.post_attention_norm, rows);
    layer.gate(normed_, rows, gate_, dtype_, pool_);
    layer.up(normed_, rows, up_, dtype_, pool_);
    kernels().silu_multiply(dtype_, gate_.data(), up_.data(), static_cast<int64_t>(gate_.size()));
    layer.down(gate_, rows, projected_, dtype_, pool_);
    add_to_residual();
  }

  void add_to_residual() {
    for (size_t i = 0; i < residual_.size(); ++i) residual_[i] += projected_[i];
    kernels().round(dtype_, residual_.data(), static_cast<int64_t>(residual_.size()));
  }

  void wanted_logits(const RowBatch& batch, std::span<float> logits) {
    wanted_.clear();
    for (const int64_t row : batch.logit_rows) {
      const std::span<float> hidden = row_of(residual_, row);
      wanted_.insert(wanted_.end(), hidden.begin(), hidden.end());
    }
    head(wanted_, static_cast<int64_t>(batch.logit_rows.size()), logits);
  }

  ModelShape shape_;
  Dtype dtype_;
  ThreadPool& pool_;
  float epsilon_;
  Rotary rotary_;
  Matrix embedding_, head_;
  std::vector<Layer> layers_;
  Buffer norm_;
  Buffer residual_, normed_, query_, key_, value_, attended_, projected_, gate_, up_, wanted_;
};

}  // namespace

std::unique_ptr<Model> make_llama(const ModelConfig& config, const Weights& weights, const ModelOptions& options,
                                  ThreadPool& pool) {
  return std::make_unique<Llama>(config, weights, options, pool);
}

}  // namespace kvdiff
