#include "harness/model/files/generation_config.h"

#include <fmt/format.h>

#include "cache_backends/error.h"
#include "harness/model/files/field_reader.h"
#include "harness/model/files/strict_json.h"

namespace kvdiff {
namespace {

using nlohmann::json;

constexpr size_t largest_file = 16'000'000;

// Changes greedy or sampled text in transformers, and is not applied here.
struct UnusedField {
  std::string_view name;
  std::string_view neutral;  // JSON
};

constexpr UnusedField unused_fields[] = {
    {"repetition_penalty", "1.0"},
    {"encoder_repetition_penalty", "1.0"},
    {"no_repeat_ngram_size", "0"},
    {"num_beams", "1"},
    {"penalty_alpha", "0.0"},
    {"guidance_scale", "1.0"},
    {"min_p", "0.0"},
    {"typical_p", "1.0"},
    {"epsilon_cutoff", "0.0"},
    {"eta_cutoff", "0.0"},
    {"min_length", "0"},
    {"min_new_tokens", "0"},
    {"bad_words_ids", "[]"},
    {"suppress_tokens", "[]"},
    {"begin_suppress_tokens", "[]"},
    {"sequence_bias", "{}"},
    {"forced_bos_token_id", "null"},
    {"forced_eos_token_id", "null"},
    {"exponential_decay_length_penalty", "null"},
    {"watermarking_config", "null"},
};

void warn_of_unused(const json& content, std::vector<std::string>& warnings) {
  for (const UnusedField& unused : unused_fields) {
    const auto field = content.find(unused.name);
    if (field == content.end() || field->is_null() || *field == json::parse(unused.neutral)) continue;
    warnings.push_back(fmt::format("generation_config.json sets {} to {}, which kvdiff does not apply", unused.name,
                                   json_in_short(*field)));
  }
}

}  // namespace

GenerationConfig generation_config_from(const ModelConfig& config) {
  GenerationConfig generation;
  generation.bos_id = config.bos_id;
  generation.eos_ids = config.eos_ids;
  return generation;
}

GenerationConfig parse_generation_config(std::string_view text, std::string_view origin, const ModelConfig& config) {
  const json content = parse_strict_json(text, origin);
  if (!content.is_object()) {
    throw UserError(ExitCode::input,
                    fmt::format("{}: holds {}, expected an object", origin, json_type_in_words(content)));
  }
  std::vector<std::string> problems;
  FieldReader fields(content, "", problems);
  GenerationConfig generation;
  const std::vector<int64_t> bos = fields.integers("bos_token_id");
  if (bos.size() > 1) fields.problem("bos_token_id", "is a list, expected one token");
  if (!bos.empty()) generation.bos_id = bos.front();
  generation.eos_ids = fields.integers("eos_token_id");
  generation.do_sample = fields.truth("do_sample").value_or(false);
  generation.temperature = fields.number("temperature", {0, 1e6});
  generation.top_k = fields.integer("top_k", {0, int64_t{1} << 31});
  generation.top_p = fields.number("top_p", {0, 1});
  throw_if_any(problems, fmt::format("{}: impossible values:", origin), "Correct the file or remove it.");
  for (const int64_t id : generation.eos_ids) {
    if (id >= 0 && id < config.vocabulary_size) continue;
    generation.warnings.push_back(
        fmt::format("eos_token_id {} is outside the vocabulary of {}", id, config.vocabulary_size));
  }
  if (generation.eos_ids.empty() && !config.eos_ids.empty()) {
    generation.warnings.push_back(
        "generation_config.json names no eos_token_id, so that of config.json is not used "
        "(as in transformers)");
  }
  warn_of_unused(content, generation.warnings);
  return generation;
}

GenerationConfig read_generation_config(const std::filesystem::path& file, const ModelConfig& config) {
  return parse_generation_config(read_text_file(file, largest_file), file.string(), config);
}

}  // namespace kvdiff
