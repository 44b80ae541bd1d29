#include "harness/oracle/float64.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "harness/model/files/rope.h"

namespace kvdiff {
namespace {

using at::Tensor;

constexpr int64_t rows_per_block = 256;  // attention scores of all rows at once would not fit for long texts

Tensor to_float64(std::vector<float> values, at::IntArrayRef shape, Dtype dtype) {
  for (float& value : values) value = round_to(dtype, value);
  return at::from_blob(values.data(), shape, at::kFloat).to(at::kDouble);
}

}  // namespace

struct Float64Oracle::State {
  const ModelFiles& files;
  const ModelConfig& config;
  Dtype dtype;
  Tensor hidden, head;

  Tensor weight(const std::string& name) const {
    const TensorEntry& entry = files.weights.at(name);
    return to_float64(read_all(entry), entry.shape, dtype);
  }
  Tensor linear(const Tensor& x, const std::string& name, bool bias) const {
    const Tensor y = at::matmul(x, weight(name + ".weight").t());
    return bias ? y + weight(name + ".bias") : y;
  }
  Tensor normalized(const Tensor& x, const std::string& name) const {
    const double epsilon = static_cast<float>(config.rms_norm_eps);
    return x * at::rsqrt(x.pow(2).mean(-1, true) + epsilon) * weight(name);
  }
  // [S, heads x D] -> [heads, S, D]
  Tensor by_head(const Tensor& x, int64_t heads) const {
    return x.view({x.size(0), heads, config.head_size}).transpose(0, 1).contiguous();
  }
  Tensor rotated(const Tensor& x) const {
    const int64_t tokens = x.size(1), half = config.head_size / 2;
    const bool longer = config.rope.type == RopeType::dynamic && tokens > config.rope.max_positions;
    const RopeFrequencies frequencies = longer ? dynamic_rope_frequencies(config.rope, config.head_size, tokens)
                                               : rope_frequencies(config.rope, config.head_size);
    const RopeTable table = make_rope_table(frequencies, 0, tokens);
    const Tensor cosine = to_float64(table.cosine, {tokens, half}, Dtype::float32);
    const Tensor sine = to_float64(table.sine, {tokens, half}, Dtype::float32);
    const Tensor a = x.narrow(2, 0, half), b = x.narrow(2, half, half);
    return at::cat({a * cosine - b * sine, b * cosine + a * sine}, 2);
  }
  Tensor attended(const Tensor& query, const Tensor& key, const Tensor& value) const {
    const int64_t tokens = query.size(1), group = config.heads / config.kv_heads;
    const Tensor keys = key.repeat_interleave(group, 0), values = value.repeat_interleave(group, 0);
    std::vector<Tensor> blocks;
    for (int64_t begin = 0; begin < tokens; begin += rows_per_block) {
      const int64_t rows = std::min(rows_per_block, tokens - begin), seen = begin + rows;
      Tensor scores = at::matmul(query.narrow(1, begin, rows), keys.narrow(1, 0, seen).transpose(1, 2)) /
                      std::sqrt(static_cast<double>(config.head_size));
      const Tensor future = at::ones({rows, seen}, at::kBool).triu(begin + 1);
      scores.masked_fill_(future, -std::numeric_limits<double>::infinity());
      blocks.push_back(at::matmul(at::softmax(scores, -1), values.narrow(1, 0, seen)));
    }
    return at::cat(blocks, 1).transpose(0, 1).reshape({tokens, config.heads * config.head_size});
  }
  void layer(int64_t index) {
    const std::string at = "model.layers." + std::to_string(index) + ".";
    Tensor x = normalized(hidden, at + "input_layernorm.weight");
    const bool bias = config.attention_bias;
    const Tensor query = rotated(by_head(linear(x, at + "self_attn.q_proj", bias), config.heads));
    const Tensor key = rotated(by_head(linear(x, at + "self_attn.k_proj", bias), config.kv_heads));
    const Tensor value = by_head(linear(x, at + "self_attn.v_proj", bias), config.kv_heads);
    hidden = hidden + linear(attended(query, key, value), at + "self_attn.o_proj", bias);
    x = normalized(hidden, at + "post_attention_layernorm.weight");
    const Tensor gate = at::silu(linear(x, at + "mlp.gate_proj", config.mlp_bias));
    hidden = hidden + linear(gate * linear(x, at + "mlp.up_proj", config.mlp_bias), at + "mlp.down_proj",
                             config.mlp_bias);
  }
};

Float64Oracle::Float64Oracle(const ModelFiles& files, Dtype dtype, int threads)
    : state_(new State{files, files.config, dtype, {}, {}}) {
  at::set_num_threads(threads);
}
Float64Oracle::~Float64Oracle() = default;

void Float64Oracle::run(std::span<const int32_t> tokens) {
  const at::NoGradGuard no_gradients;
  std::vector<int64_t> ids(tokens.begin(), tokens.end());
  const Tensor index = at::tensor(ids, at::kLong);
  state_->hidden = state_->weight("model.embed_tokens.weight").index_select(0, index);
  for (int64_t layer = 0; layer < state_->config.layers; ++layer) state_->layer(layer);
  state_->hidden = state_->normalized(state_->hidden, "model.norm.weight");
}

std::vector<double> Float64Oracle::logits(int64_t token) const {
  const at::NoGradGuard no_gradients;
  const bool tied = state_->config.tie_word_embeddings;
  if (!state_->head.defined()) state_->head = state_->weight(tied ? "model.embed_tokens.weight" : "lm_head.weight");
  const Tensor values = at::matmul(state_->head, state_->hidden[token]).contiguous();
  const double* data = values.const_data_ptr<double>();
  return {data, data + values.numel()};
}

std::vector<double> measure_floor(const FloorRequest& request) {
  Float64Oracle oracle(request.files, request.dtype, request.threads);
  oracle.run(request.tokens);
  std::vector<double> floor;
  for (int64_t token = request.first; token < static_cast<int64_t>(request.tokens.size()); ++token) {
    const std::vector<double> exact = oracle.logits(token);
    const std::span<const float> own = request.logits(token - request.first);
    double largest = 0;
    for (size_t i = 0; i < exact.size(); ++i) largest = std::max(largest, std::fabs(exact[i] - static_cast<double>(own[i])));
    floor.push_back(largest);
  }
  return floor;
}

}  // namespace kvdiff
