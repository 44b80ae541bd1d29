// The Llama family, as transformers 5.23 modeling_llama.py computes it, in the written order of kernels.h. 16-bit types
// round after each module: linear, RoPE's products and sum, norm, activation and product, attention, residual addition.
#include <cmath>
#include <string>

#include "cache_backends/error.h"
#include "harness/model/kernels/kernels.h"
#include "harness/model/model.h"
#include "harness/model/rotary.h"

namespace kvdiff {
namespace {

Dtype dtype_of(StoredType type) {
  if (type == StoredType::F16) return Dtype::float16;
  return type == StoredType::BF16 ? Dtype::bfloat16 : Dtype::float32;
}

struct Linear {
  std::unique_ptr<Weight> weight;
  Values bias;  // empty: none

  void operator()(const Compute& compute, const Values& x, Values& y, Dtype dtype) const {
    compute.resize(y, x.size / weight->inputs() * weight->outputs());
    compute.linear(*weight, bias, x.span(), dtype, y.span());
  }
};

struct Layer {
  Values input_norm, post_attention_norm;
  Linear query, key, value, output, gate, up, down;
};

class Loader {
 public:
  Loader(const Weights& weights, Dtype dtype, ThreadPool& pool, const Compute& compute)
      : weights_(weights), dtype_(dtype), pool_(pool), compute_(compute) {}

  std::unique_ptr<Weight> matrix(const std::string& name) const {
    const TensorEntry& tensor = weights_.at(name);
    // float32 holds any checkpoint exactly, so the narrower bits are kept and widened on the way to the registers.
    const Dtype stored = dtype_ == Dtype::float32 ? dtype_of(tensor.type) : dtype_;
    return compute_.keep(WeightMatrix(tensor.shape[0], tensor.shape[1], stored, [&](int64_t row, std::span<float> out) {
      read_row(tensor, row, out);
      kernels().round(stored, out.data(), static_cast<int64_t>(out.size()));
    }, pool_));
  }
  Values vector(const std::string& name) const {
    std::vector<float> values = read_all(weights_.at(name));
    kernels().round(dtype_, values.data(), static_cast<int64_t>(values.size()));
    Values kept;
    compute_.set(kept, values);
    return kept;
  }
  Linear linear(const std::string& name, bool bias) const {
    return {matrix(name + ".weight"), bias ? vector(name + ".bias") : Values{}};
  }

 private:
  const Weights& weights_;
  Dtype dtype_;
  ThreadPool& pool_;
  const Compute& compute_;
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
  Llama(const ModelConfig& config, const Weights& weights, const ModelOptions& options, const ModelPlace& place)
      : shape_(shape_of(config, options)), dtype_(options.dtype), owned_(place.compute), compute_(*owned_),
        epsilon_(static_cast<float>(config.rms_norm_eps)), rotary_(config.rope, config.head_size, options.dtype) {
    const Loader load(weights, dtype_, place.pool, compute_);
    embedding_ = load.matrix("model.embed_tokens.weight");
    for (int64_t layer = 0; layer < config.layers; ++layer) layers_.push_back(load_layer(load, config, layer));
    norm_ = load.vector("model.norm.weight");
    if (!config.tie_word_embeddings) head_ = load.matrix("lm_head.weight");
  }

  const ModelShape& shape() const override { return shape_; }
  const Compute& compute() const override { return compute_; }

  int64_t weight_bytes() const override {
    int64_t total = embedding_->bytes() + (head_ ? head_->bytes() : 0);
    for (const Layer& layer : layers_)
      for (const Linear* one : {&layer.query, &layer.key, &layer.value, &layer.output, &layer.gate, &layer.up, &layer.down})
        total += one->weight->bytes();
    return total;
  }

  void forward(const RowBatch& batch, AttentionSite& site, std::span<float> logits) override {
    prepare(batch);
    for (size_t layer = 0; layer < layers_.size(); ++layer) {
      attention_block(layers_[layer], static_cast<int>(layer), batch.rows(), site);
      mlp_block(layers_[layer]);
      site.hidden(static_cast<int>(layer), residual_.span());
    }
    if (batch.logit_rows.empty()) return;
    compute_.resize(wanted_, static_cast<int64_t>(batch.logit_rows.size()) * shape_.hidden);
    compute_.take_rows(residual_.span(), batch.logit_rows, shape_.hidden, wanted_.span());
    head(wanted_.span(), static_cast<int64_t>(batch.logit_rows.size()), logits);
  }

  void head(std::span<const float> hidden, int64_t, std::span<float> logits) override {
    normalize(hidden, norm_);
    compute_.linear(head_ ? *head_ : *embedding_, {}, normed_.span(), dtype_, logits);
  }

 private:
  void prepare(const RowBatch& batch) {
    std::vector<float> angles;
    for (size_t row = 0; row < batch.tokens.size(); ++row) {
      const int32_t token = batch.tokens[row];
      if (token < 0 || token >= shape_.vocabulary)
        throw UserError(ExitCode::input, "token id " + std::to_string(token) + " is outside the vocabulary of " +
                                             std::to_string(shape_.vocabulary) + " tokens");
      rotary_.prepare(batch.positions[row], batch.lengths[row]);
      const std::span<const float> own = rotary_.angles(batch.positions[row], batch.lengths[row]);
      angles.insert(angles.end(), own.begin(), own.end());
    }
    compute_.set(angles_, angles);
    compute_.resize(residual_, batch.rows() * shape_.hidden);
    compute_.embed(*embedding_, batch.tokens, residual_.span());
  }

  void normalize(std::span<const float> x, const Values& weight) {
    compute_.resize(normed_, static_cast<int64_t>(x.size()));
    compute_.normalize(x, weight, epsilon_, dtype_, normed_.span());
  }

  void attention_block(const Layer& layer, int index, int64_t rows, AttentionSite& site) {
    normalize(residual_.span(), layer.input_norm);
    layer.query(compute_, normed_, query_, dtype_);
    layer.key(compute_, normed_, key_, dtype_);
    layer.value(compute_, normed_, value_, dtype_);
    for (const Values* rotated : {&query_, &key_}) compute_.rotate(rotated->span(), angles_, shape_.attention.head_size, dtype_);
    compute_.resize(attended_, query_.size);
    site.attend(index, {rows, query_.span(), key_.span(), value_.span()}, attended_.span());
    layer.output(compute_, attended_, projected_, dtype_);
    compute_.add(dtype_, residual_.span(), projected_.span());
  }

  void mlp_block(const Layer& layer) {
    normalize(residual_.span(), layer.post_attention_norm);
    layer.gate(compute_, normed_, gate_, dtype_);
    layer.up(compute_, normed_, up_, dtype_);
    compute_.silu_multiply(dtype_, gate_.span(), up_.span());
    layer.down(compute_, gate_, projected_, dtype_);
    compute_.add(dtype_, residual_.span(), projected_.span());
  }

  ModelShape shape_;
  Dtype dtype_;
  std::shared_ptr<const Compute> owned_;
  const Compute& compute_;
  float epsilon_;
  Rotary rotary_;
  std::unique_ptr<Weight> embedding_, head_;  // head_: null where it is tied
  std::vector<Layer> layers_;
  Values norm_;
  Values angles_, residual_, normed_, query_, key_, value_, attended_, projected_, gate_, up_, wanted_;
};

}  // namespace

std::unique_ptr<Model> make_llama(const ModelConfig& config, const Weights& weights, const ModelOptions& options,
                                  const ModelPlace& place) {
  return std::make_unique<Llama>(config, weights, options, place);
}

}  // namespace kvdiff
