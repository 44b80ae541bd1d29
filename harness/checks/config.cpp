#include <fmt/format.h>

#include <algorithm>

#include "harness/checks/groups.h"

// config.json against the tensors, and what it says or leaves out about RoPE.
namespace kvdiff {
namespace {

CheckResult readable(const CheckInput& input) {
  const auto refused = input.model.refused.find("config");
  if (refused == input.model.refused.end() && !input.model.config) return not_applicable("config.json was not read");
  if (refused == input.model.refused.end()) return passed(fmt::format("family {}", input.model.config->family));
  return failed(refused->second, "a config.json of a family that kvdiff runs", "correct the fields that are named");
}

CheckResult layers(const CheckInput& input) {
  int64_t stored = 0;
  for (const TensorEntry* tensor : input.model.weights->tensors()) stored = std::max(stored, place_of(tensor->name).layer + 1);
  const int64_t said = input.model.config->layers;
  if (stored == said) return passed(fmt::format("{} layers in both", said));
  return failed(fmt::format("{} layers in the weights, num_hidden_layers {}", stored, said), "the same number in both",
                "set num_hidden_layers to what the weights hold, or get the missing shards");
}

struct ProjectedSize {
  std::string_view part;
  int64_t heads;
};

CheckResult heads(const CheckInput& input) {
  const ModelConfig& config = *input.model.config;
  for (const ProjectedSize& one : {ProjectedSize{"q_proj", config.heads}, {"k_proj", config.kv_heads}, {"v_proj", config.kv_heads}}) {
    const TensorEntry* tensor = input.model.weights->find(fmt::format("model.layers.0.self_attn.{}.weight", one.part));
    if (!tensor || tensor->shape.empty()) continue;  // weights.shapes says so
    if (tensor->shape[0] != one.heads * config.head_size)
      return failed(fmt::format("{} rows in {}, and {} heads of {}", tensor->shape[0], one.part, one.heads, config.head_size),
                    fmt::format("{} rows", one.heads * config.head_size), "correct num_attention_heads, num_key_value_heads or head_dim");
  }
  return passed(fmt::format("{} query heads, {} KV heads of {}", config.heads, config.kv_heads, config.head_size));
}

CheckResult vocabulary(const CheckInput& input) {
  const TensorEntry* embedding = input.model.weights->find("model.embed_tokens.weight");
  if (!embedding || embedding->shape.empty()) return not_applicable("there is no embedding");
  const int64_t rows = embedding->shape[0], said = input.model.config->vocabulary_size;
  if (rows == said) return passed(fmt::format("{} tokens in both", rows));
  return failed(fmt::format("{} rows in the embedding, vocab_size {}", rows, said), "the same number in both",
                "set vocab_size to the embedding's rows, or get the embedding that belongs to the tokenizer");
}

bool says_theta(const nlohmann::json& config) {
  const auto within = [&](const nlohmann::json& object) { return object.is_object() && object.contains("rope_theta") && !object["rope_theta"].is_null(); };
  return within(config) || (config.contains("rope_parameters") && within(config["rope_parameters"])) ||
         (config.contains("rope_scaling") && within(config["rope_scaling"]));
}

// The base of 10000 is that of models trained on 4096 tokens or fewer; longer ones were given larger bases (or a scaling).
CheckResult rope_theta(const CheckInput& input) {
  constexpr int64_t longest_without = 4096, longest_with_10000 = 8192;
  const ModelConfig& config = *input.model.config;
  const bool said = says_theta(input.model.config_json);
  const bool scaled = config.rope.type != RopeType::standard;
  const std::string text = fmt::format("rope_theta {:g}{}, {} positions", config.rope.theta, said ? "" : " (not in config.json: the default)", config.max_positions);
  const bool too_small = config.rope.theta <= 10000 && !scaled && config.max_positions > (said ? longest_with_10000 : longest_without);
  if (!too_small) return passed(text);
  return failed(text, "a larger base, or rope scaling, for that many positions",
                "take rope_theta from the config.json that the model was published with");
}

CheckResult epsilon(const CheckInput& input) {
  constexpr double least = 1e-8, most = 1e-4;
  const double value = input.model.config->rms_norm_eps;
  const std::string text = fmt::format("rms_norm_eps {:g}", value);
  if (value >= least && value <= most) return passed(text);
  return failed(text, "between 1e-08 and 1e-04 (published models have 1e-06 or 1e-05)", "take rms_norm_eps from the model's own config.json");
}

constexpr CheckRow rows[] = {
    {"config.readable", "config.json is damaged, of another family, or says what kvdiff cannot honour", "a sound file of another model", 0, readable},
    {"config.layers", "config.json and weights disagree about the number of layers", "layers in another order", needs_config | needs_weights, layers},
    {"config.heads", "heads, KV heads or head size are not those of the projections",
     "another division of the same width, such as 18 heads of 32 for 9 of 64: reference.loss", needs_config | needs_weights, heads},
    {"config.vocabulary", "vocab_size is not the embedding's", "another vocabulary of the same size", needs_config | needs_weights, vocabulary},
    {"config.rope_theta", "rope_theta is missing or too small for the number of positions",
     "a wrong base that fits the number of positions: reference.rope_theta", needs_config, rope_theta},
    {"config.epsilon", "rms_norm_eps is not one that models are trained with", "1e-05 for 1e-06", needs_config, epsilon},
};

}  // namespace

std::span<const CheckRow> config_checks() { return rows; }

}  // namespace kvdiff
