#include "harness/model/files/llama_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "harness/model/files/field_reader.h"
#include "harness/model/files/text_quote.h"

namespace kvdiff {
namespace {

constexpr std::string_view embedding_name = "model.embed_tokens.weight";
constexpr std::string_view head_name = "lm_head.weight";

struct Linear {
  std::string_view name;
  int64_t outputs;
  int64_t inputs;
  bool bias;
};

void add_layer(const ModelConfig& config, int64_t layer, std::vector<ExpectedTensor>& tensors) {
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  const int64_t hidden = config.hidden_size;
  const int64_t inner = config.intermediate_size;
  const int64_t query_size = config.heads * config.head_size;
  const int64_t key_size = config.kv_heads * config.head_size;
  const auto add = [&](const Linear& linear) {
    tensors.push_back({fmt::format("{}{}.weight", prefix, linear.name), {linear.outputs, linear.inputs}});
    if (linear.bias) tensors.push_back({fmt::format("{}{}.bias", prefix, linear.name), {linear.outputs}});
  };
  tensors.push_back({prefix + "input_layernorm.weight", {hidden}});
  add({"self_attn.q_proj", query_size, hidden, config.attention_bias});
  add({"self_attn.k_proj", key_size, hidden, config.attention_bias});
  add({"self_attn.v_proj", key_size, hidden, config.attention_bias});
  add({"self_attn.o_proj", hidden, query_size, config.attention_bias});
  tensors.push_back({prefix + "post_attention_layernorm.weight", {hidden}});
  add({"mlp.gate_proj", inner, hidden, config.mlp_bias});
  add({"mlp.up_proj", inner, hidden, config.mlp_bias});
  add({"mlp.down_proj", hidden, inner, config.mlp_bias});
}

void check_tensor(const ExpectedTensor& expected, const Weights& weights, std::vector<std::string>& problems) {
  const TensorEntry* const found = weights.find(expected.name);
  if (found == nullptr) {
    problems.push_back(fmt::format("{} is missing, expected {}", expected.name, shape_text(expected.shape)));
  } else if (found->shape != expected.shape) {
    problems.push_back(
        fmt::format("{} is {}, expected {}", expected.name, shape_text(found->shape), shape_text(expected.shape)));
  } else if (found->type == StoredType::other) {
    problems.push_back(fmt::format("{} is {}, expected F32, F16 or BF16", expected.name, found->type_name));
  }
}

// transformers 5.23 unties the two when they differ, older ones overwrite the head: neither is a safe guess.
void check_tied_head(const ModelConfig& config, const Weights& weights, std::vector<std::string>& problems) {
  const TensorEntry* const head = weights.find(head_name);
  const TensorEntry* const embedding = weights.find(embedding_name);
  if (!config.tie_word_embeddings || head == nullptr || embedding == nullptr) return;
  const bool same =
      head->type_name == embedding->type_name && head->shape == embedding->shape &&
      std::equal(head->bytes.begin(), head->bytes.end(), embedding->bytes.begin(), embedding->bytes.end());
  if (same) return;
  problems.push_back(
      fmt::format("{} is there and differs from {}, but config.json says that they are tied: set "
                  "tie_word_embeddings to false, or remove the tensor",
                  head_name, embedding_name));
}

std::vector<std::string> list_unexpected(const ModelConfig& config, const Weights& weights,
                                         const std::set<std::string>& known) {
  std::vector<std::string> unexpected;
  for (const TensorEntry* tensor : weights.tensors()) {
    // Computed from config.json; checkpoints of old hold a copy.
    const bool frequencies = tensor->name.ends_with("rotary_emb.inv_freq");
    const bool tied_head = config.tie_word_embeddings && tensor->name == head_name;
    if (!known.contains(tensor->name) && !frequencies && !tied_head) unexpected.push_back(quote_name(tensor->name));
  }
  constexpr size_t shown = 20;
  if (unexpected.size() > shown) {
    const size_t hidden = unexpected.size() - shown;
    unexpected.resize(shown);
    unexpected.push_back(fmt::format("and {} more", hidden));
  }
  return unexpected;
}

}  // namespace

std::vector<ExpectedTensor> llama_tensors(const ModelConfig& config) {
  std::vector<ExpectedTensor> tensors;
  tensors.push_back({std::string(embedding_name), {config.vocabulary_size, config.hidden_size}});
  for (int64_t layer = 0; layer < config.layers; ++layer) add_layer(config, layer, tensors);
  tensors.push_back({"model.norm.weight", {config.hidden_size}});
  if (!config.tie_word_embeddings) {
    tensors.push_back({std::string(head_name), {config.vocabulary_size, config.hidden_size}});
  }
  return tensors;
}

std::vector<std::string> check_tensors(const ModelConfig& config, const Weights& weights) {
  std::vector<std::string> problems;
  std::set<std::string> known;
  for (const ExpectedTensor& expected : llama_tensors(config)) {
    check_tensor(expected, weights, problems);
    known.insert(expected.name);
  }
  check_tied_head(config, weights, problems);
  throw_if_any(problems,
               fmt::format("{}: the weights are not those that config.json describes:", weights.folder().string()),
               "Config and weights are not of one model, or the folder is incomplete: get both again.");
  std::vector<std::string> warnings;
  const std::vector<std::string> unexpected = list_unexpected(config, weights, known);
  if (!unexpected.empty()) {
    warnings.push_back(
        fmt::format("the weights hold tensors that a Llama model has no use for: {}", fmt::join(unexpected, ", ")));
  }
  return warnings;
}

}  // namespace kvdiff
