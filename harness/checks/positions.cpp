#include <fmt/format.h>

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

constexpr CheckRow rows[] = {
    {"positions.scaling", "a longer Llama 3 without its rope scaling", "scaling missing from other families", needs_config, scaling},
    {"positions.length", "more positions are asked for than the model was trained on", "a model that was trained on fewer than it says",
     needs_prompt | needs_config, length},
};

}  // namespace

std::span<const CheckRow> position_checks() { return rows; }

}  // namespace kvdiff
