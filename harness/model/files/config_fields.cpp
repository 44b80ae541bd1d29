#include "harness/model/files/config_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "harness/model/files/strict_json.h"
#include "harness/model/files/text_quote.h"

namespace kvdiff {
namespace {

using nlohmann::json;

// Read by parse_model_config.
constexpr std::string_view read_fields[] = {
    "architectures",
    "attention_bias",
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "head_dim",
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "max_position_embeddings",
    "mlp_bias",
    "model_type",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "original_max_position_embeddings",
    "partial_rotary_factor",
    "rms_norm_eps",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
    "tie_word_embeddings",
    "torch_dtype",
    "vocab_size",
};

// Without effect on what the model computes for given tokens: names and notes, training, generation's defaults (which
// stand in generation_config.json), what is returned, and dropout, which inference never applies.
constexpr std::string_view harmless_fields[] = {
    // names and notes
    "_name_or_path",
    "name_or_path",
    "_commit_hash",
    "transformers_version",
    "transformers.js_config",
    "tokenizer_class",
    "model_max_length",
    "max_sequence_length",
    "is_llama_config",
    "unsloth_fixed",
    "unsloth_version",
    "task_specific_params",
    "finetuning_task",
    "problem_type",
    "id2label",
    "label2id",
    "num_labels",
    "prefix",
    "keys_to_ignore_at_inference",
    // other tokens
    "pad_token_id",
    "unk_token_id",
    "sep_token_id",
    "cls_token_id",
    "mask_token_id",
    "decoder_start_token_id",
    // training
    "initializer_range",
    "attention_dropout",
    "hidden_dropout",
    "embd_pdrop",
    "resid_pdrop",
    "attn_pdrop",
    "gradient_checkpointing",
    "use_cache",
    "tie_encoder_decoder",
    "tf_legacy_loss",
    "use_bfloat16",
    "torchscript",
    // how the peer computes and returns
    "_attn_implementation",
    "attn_implementation",
    "_attn_implementation_autoset",
    "_flash_attn_2_enabled",
    "_experts_implementation",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
    "is_decoder",
    // generation
    "max_length",
    "min_length",
    "max_new_tokens",
    "do_sample",
    "early_stopping",
    "num_beams",
    "num_beam_groups",
    "diversity_penalty",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "repetition_penalty",
    "encoder_repetition_penalty",
    "length_penalty",
    "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size",
    "bad_words_ids",
    "num_return_sequences",
    "output_scores",
    "return_dict_in_generate",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "remove_invalid_values",
    "exponential_decay_length_penalty",
    "suppress_tokens",
    "begin_suppress_tokens",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
};

// Honoured for one value only; `advice` says what any other value means.
struct FixedField {
  std::string_view name;
  std::string_view value;  // JSON
  std::string_view advice;
};

constexpr FixedField fixed_fields[] = {
    {"pretraining_tp", "1", "the peer of old would split its matrix products; set it to 1"},
    {"rope_interleaved", "false", "the rows of q_proj and k_proj would have to be permuted first"},
    {"is_encoder_decoder", "false", "kvdiff runs decoders only"},
    {"add_cross_attention", "false", "kvdiff runs decoders only"},
    {"chunk_size_feed_forward", "0", "set it to 0, the result is the same"},
    {"pruned_heads", "{}", "heads were removed after training"},
    {"use_sliding_window", "false", "attention would see a window only"},
};

// Known to change the arithmetic, so that the advice can be better than "unknown".
struct RefusedField {
  std::string_view name;
  std::string_view advice;
};

constexpr RefusedField refused_fields[] = {
    {"quantization_config", "the weights are quantized: use the checkpoint that they were made from"},
    {"compression_config", "the weights are quantized: use the checkpoint that they were made from"},
    {"auto_map", "the folder brings its own model code, which kvdiff never executes"},
    {"per_layer_config", "layers of different shapes are not supported"},
    {"sliding_window", "attention over a window is not supported"},
    {"attention_chunk_size", "attention over chunks is not supported"},
};

template <class Table>
auto row_named(const Table& table, std::string_view name) {
  return std::find_if(std::begin(table), std::end(table), [&](const auto& row) { return row.name == name; });
}

template <class Table>
bool holds(const Table& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool only_full_attention(const json& layer_types) {
  return layer_types.is_array() &&
         std::all_of(layer_types.begin(), layer_types.end(), [](const json& type) { return type == "full_attention"; });
}

}  // namespace

void check_config_fields(const json& config, std::vector<std::string>& problems) {
  for (const auto& [name, value] : config.items()) {
    if (value.is_null() || holds(read_fields, name) || holds(harmless_fields, name)) continue;
    const auto fixed = row_named(fixed_fields, name);
    const auto refused = row_named(refused_fields, name);
    if (fixed != std::end(fixed_fields)) {
      if (value == json::parse(fixed->value)) continue;
      problems.push_back(
          fmt::format("{} is {}, expected {}: {}", name, json_in_short(value), fixed->value, fixed->advice));
    } else if (name == "layer_types") {
      if (!only_full_attention(value)) problems.push_back("layer_types names other layers than full_attention");
    } else if (refused != std::end(refused_fields)) {
      problems.push_back(fmt::format("{} is not supported: {}", name, refused->advice));
    } else {
      problems.push_back(
          fmt::format("{} is a field that kvdiff does not know: if it does not change what the model "
                      "computes, remove it from the file",
                      quote_name(name)));
    }
  }
}

}  // namespace kvdiff
