#include "harness/model/files/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cache_backends/error.h"
#include "harness/model/files/config_fields.h"
#include "harness/model/files/digest.h"
#include "harness/model/files/field_reader.h"
#include "harness/model/files/rope_fields.h"
#include "harness/model/files/strict_json.h"
#include "harness/model/files/text_quote.h"

namespace kvdiff {
namespace {

using nlohmann::json;
using Problems = std::vector<std::string>;

struct FamilyRow {
  std::string_view model_type;
  std::string_view architecture;
};

constexpr std::array families = {
    FamilyRow{"llama", "LlamaForCausalLM"},
};

// Far beyond any model, and small enough that no product of two sizes leaves 64 bits.
constexpr IntegerRange size_range{1, int64_t{1} << 24};
constexpr IntegerRange vocabulary_range{1, int64_t{1} << 26};
constexpr IntegerRange layer_range{1, 10'000};
constexpr IntegerRange head_range{1, 65'536};
constexpr IntegerRange position_range{1, int64_t{1} << 31};
constexpr size_t largest_config = 16'000'000;

const FamilyRow* find_family(FieldReader& fields, Problems& problems) {
  const auto type = fields.text("model_type");
  const auto row = std::find_if(families.begin(), families.end(),
                                [&](const FamilyRow& candidate) { return candidate.model_type == type.value_or(""); });
  if (row != families.end()) return &*row;
  if (problems.empty()) {
    fields.problem("model_type", fmt::format("is {}, expected llama (the only family that kvdiff runs so far)",
                                             type ? quote_name(*type) : "missing"));
  }
  return nullptr;
}

void check_architectures(const json& config, const FamilyRow& family, Problems& problems) {
  const auto field = config.find("architectures");
  if (field == config.end() || field->is_null()) return;
  const bool ours = field->is_array() && std::find(field->begin(), field->end(), family.architecture) != field->end();
  // The spelling of the first converted Llama checkpoints.
  const bool old = field->is_array() && std::find(field->begin(), field->end(), "LLaMAForCausalLM") != field->end();
  if (ours || (old && family.model_type == "llama")) return;
  const std::string found =
      field->is_array() && !field->empty() ? json_in_short(field->front()) : json_in_short(*field);
  problems.push_back(fmt::format("architectures is {}, expected {}: kvdiff runs language models with their output head",
                                 found, family.architecture));
}

void read_sizes(FieldReader& fields, ModelConfig& config) {
  config.vocabulary_size = fields.required_integer("vocab_size", vocabulary_range);
  config.hidden_size = fields.required_integer("hidden_size", size_range);
  config.intermediate_size = fields.required_integer("intermediate_size", size_range);
  config.layers = fields.required_integer("num_hidden_layers", layer_range);
  config.heads = fields.required_integer("num_attention_heads", head_range);
  config.kv_heads = fields.integer("num_key_value_heads", head_range).value_or(config.heads);
  config.max_positions = fields.required_integer("max_position_embeddings", position_range);
  config.rms_norm_eps = fields.required_number("rms_norm_eps", {1e-30, 1.0});
}

void read_head_size(FieldReader& fields, ModelConfig& config) {
  const auto given = fields.integer("head_dim", head_range);
  config.head_size = given.value_or(config.hidden_size / config.heads);
  if (!fields.has("head_dim") && config.hidden_size % config.heads != 0) {
    fields.problem("hidden_size", fmt::format("is {}, no multiple of the {} heads, and head_dim is missing",
                                              config.hidden_size, config.heads));
  } else if (config.head_size % 2 != 0) {
    fields.problem("head_dim", fmt::format("is {}, expected an even number: RoPE turns pairs", config.head_size));
  }
}

void check_heads(FieldReader& fields, const ModelConfig& config) {
  if (config.heads % config.kv_heads == 0) return;
  fields.problem("num_attention_heads",
                 fmt::format("is {}, no multiple of num_key_value_heads, which is {}", config.heads, config.kv_heads));
}

std::optional<Dtype> read_dtype(FieldReader& fields) {
  // transformers keeps `dtype` where both are there.
  const bool modern = fields.has("dtype");
  auto name = fields.text(modern ? "dtype" : "torch_dtype");
  if (!name) return std::nullopt;
  if (name->starts_with("torch.")) name->erase(0, 6);
  for (const Dtype dtype : {Dtype::float16, Dtype::bfloat16, Dtype::float32}) {
    if (*name == name_of(dtype)) return dtype;
  }
  fields.problem(modern ? "dtype" : "torch_dtype",
                 fmt::format("is {}, expected float16, bfloat16 or float32", quote_name(*name)));
  return std::nullopt;
}

void read_token_ids(FieldReader& fields, ModelConfig& config) {
  const std::vector<int64_t> bos = fields.integers("bos_token_id");
  if (bos.size() > 1) fields.problem("bos_token_id", "is a list, expected one token");
  if (!bos.empty()) config.bos_id = bos.front();
  config.eos_ids = fields.integers("eos_token_id");
  const auto check = [&](std::string_view name, int64_t id) {
    if (id >= 0 && id < config.vocabulary_size) return;
    config.warnings.push_back(fmt::format("{} {} is outside the vocabulary of {}", name, id, config.vocabulary_size));
  };
  if (config.bos_id) check("bos_token_id", *config.bos_id);
  for (const int64_t id : config.eos_ids) check("eos_token_id", id);
}

void read_rest(FieldReader& fields, ModelConfig& config) {
  config.hidden_act = fields.text("hidden_act").value_or("silu");
  if (config.hidden_act != "silu") {
    fields.problem("hidden_act",
                   fmt::format("is {}, expected 'silu', the only activation so far", quote_name(config.hidden_act)));
  }
  config.tie_word_embeddings = fields.truth("tie_word_embeddings").value_or(false);
  config.attention_bias = fields.truth("attention_bias").value_or(false);
  config.mlp_bias = fields.truth("mlp_bias").value_or(false);
  config.dtype = read_dtype(fields);
  read_token_ids(fields, config);
}

}  // namespace

ModelConfig parse_model_config(std::string_view text, std::string_view origin) {
  const json content = parse_strict_json(text, origin);
  if (!content.is_object()) {
    throw UserError(ExitCode::input, fmt::format("{}: holds {}, expected an object with the model's sizes", origin,
                                                 json_type_in_words(content)));
  }
  Problems problems;
  FieldReader fields(content, "", problems);
  ModelConfig config;
  if (const FamilyRow* const family = find_family(fields, problems)) {
    config.family = family->model_type;
    check_architectures(content, *family, problems);
    read_sizes(fields, config);
    read_head_size(fields, config);
    check_heads(fields, config);
    read_rest(fields, config);
    read_rope_fields(content, config, problems);
    check_config_fields(content, problems);
  }
  throw_if_any(problems, fmt::format("{}: this model cannot be run as it is described:", origin),
               "Correct the file, or use a checkpoint that kvdiff supports (Llama family, F16, BF16 or F32 weights).");
  config.digest = digest_text(text);
  return config;
}

ModelConfig read_model_config(const std::filesystem::path& file) {
  return parse_model_config(read_text_file(file, largest_config), file.string());
}

}  // namespace kvdiff
