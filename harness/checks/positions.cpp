#include <fmt/format.h>

#include <cmath>

#include "harness/checks/groups.h"

// How far the model was trained to count.
namespace kvdiff {
namespace {

CheckResult length(const CheckInput& input) {
  const int64_t trained = input.model.config->max_positions;
  const int64_t needed = static_cast<int64_t>(input.asked->prompt.token_ids.size()) + input.asked->tokens - 1;
  const std::string text = fmt::format("{} positions asked for, {} trained", needed, trained);
  if (needed <= trained) return passed(text);
  return failed(text, "no more positions than the model was trained on",
                "shorten the prompt or --tokens, or set the rope scaling that this model was extended with");
}

// Llama 3 was trained on 8,192 positions; its longer successors reach theirs through rope type llama3.
CheckResult scaling(const CheckInput& input) {
  constexpr int64_t llama3_vocabulary = 128256, llama3_positions = 8192;
  constexpr double llama3_theta = 500000;
  const ModelConfig& config = *input.model.config;
  const std::string text = fmt::format("rope type {}, {} positions", name_of(config.rope.type), config.max_positions);
  const bool llama3 = config.vocabulary_size == llama3_vocabulary && config.rope.theta == llama3_theta;
  if (!llama3 || config.rope.type != RopeType::standard || config.max_positions <= llama3_positions) return passed(text);
  return failed(text, "rope type llama3 for a Llama 3 of more than 8192 positions", "take rope_scaling from the config.json that the model was published with");
}

using nlohmann::json;

double number_at(const json& object, const char* name) { return object.is_object() && object.contains(name) && object[name].is_number() ? object[name].get<double>() : 0; }

// The parameters of rope type longrope under whichever name they have; null: another type.
json longrope_of(const json& config) {
  for (const char* name : {"rope_parameters", "rope_scaling"}) {
    if (!config.is_object() || !config.contains(name) || !config[name].is_object()) continue;
    for (const char* type : {"rope_type", "type"})
      if (config[name].value(type, json()) == "longrope") return config[name];
  }
  return nullptr;
}

// How many, where all are numbers above 0; else -1.
int64_t factors_in(const json& rope, const char* name) {
  if (!rope.contains(name) || !rope[name].is_array()) return -1;
  for (const json& one : rope[name])
    if (!one.is_number() || !(one.get<double>() > 0)) return -1;
  return static_cast<int64_t>(rope[name].size());
}

std::string told_factors(const json& rope, const char* name) {
  const int64_t count = factors_in(rope, name);
  return count < 0 ? fmt::format("no sound {}", name) : fmt::format("{} of {}", count, name);
}

// As transformers computes it (modeling_rope_utils.py), and what of it was said.
std::string told_attention_factor(const json& rope, double original, double most) {
  if (const double said = number_at(rope, "attention_factor"); said > 0) return fmt::format("attention factor {:.4g}", said);
  const double given = number_at(rope, "factor"), factor = given > 0 ? given : most / original;
  return fmt::format("attention factor {:.4g} (from a factor of {:g})", factor > 1 ? std::sqrt(1 + std::log(factor) / std::log(original)) : 1.0, factor);
}

// config.json alone is read: kvdiff does not run such a model, and refuses it by name.
CheckResult longrope(const CheckInput& input) {
  const json& config = input.model.config_json;
  const json rope = longrope_of(config);
  if (rope.is_null()) return not_applicable("the rope type is not longrope");
  const double heads = number_at(config, "num_attention_heads"), whole = number_at(config, "head_dim");
  const double head = whole > 0 ? whole : heads > 0 ? number_at(config, "hidden_size") / heads : 0;
  const double most = number_at(config, "max_position_embeddings");
  const double outer = number_at(config, "original_max_position_embeddings"), original = outer > 0 ? outer : number_at(rope, "original_max_position_embeddings");
  const auto pairs = static_cast<int64_t>(head / 2);
  std::string text = fmt::format("rope type longrope: {} and {} for {} pairs of a head", told_factors(rope, "short_factor"), told_factors(rope, "long_factor"), pairs);
  if (original > 1) text += fmt::format(", the long ones beyond {:g} of {:g} positions, {}", original, most, told_attention_factor(rope, original, most));
  else text += ", original_max_position_embeddings is missing";
  if (pairs > 0 && original > 1 && factors_in(rope, "short_factor") == pairs && factors_in(rope, "long_factor") == pairs) return passed(text + "; kvdiff does not compute it");
  return failed(text, "as many short_factor and long_factor as a head has pairs, all above 0, and original_max_position_embeddings",
                "take rope_scaling from the config.json that the model was published with");
}

constexpr CheckRow rows[] = {
    {"positions.longrope", "factors of longrope that do not fit the head size, or no original length", "factors of the right number and wrong values", 0, longrope},
    {"positions.scaling", "a longer Llama 3 without its rope scaling", "scaling missing from other families", needs_config, scaling},
    {"positions.length", "more positions are asked for than the model was trained on", "a model that was trained on fewer than it says",
     needs_prompt | needs_config, length},
};

}  // namespace

std::span<const CheckRow> position_checks() { return rows; }

}  // namespace kvdiff
