#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache_backends/dtype.h"
#include "harness/model/files/rope_config.h"

namespace kvdiff {

// What config.json says about a model, checked: every size is positive, heads is a multiple of kv_heads, head_size is
// even, and no field that could change the arithmetic was passed over.
struct ModelConfig {
  std::string family;  // model_type: "llama"
  int64_t vocabulary_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_size = 0;  // heads x head_size need not be hidden_size
  int64_t max_positions = 0;
  double rms_norm_eps = 0;  // the peer adds it to float32 values, so it is used rounded to float32
  std::string hidden_act;   // "silu"
  bool tie_word_embeddings = false;
  bool attention_bias = false;  // on the q, k, v and output projections
  bool mlp_bias = false;
  RopeConfig rope;
  std::optional<Dtype> dtype;  // of the checkpoint, where the file says it
  std::optional<int64_t> bos_id;
  std::vector<int64_t> eos_ids;
  std::string digest;                 // of the file's text: 32 hexadecimal digits
  std::vector<std::string> warnings;  // what looks wrong and changes no number
};

// `origin` names the file in messages. Throws one UserError(input) that lists every problem: fields missing, of the
// wrong type or impossible, and fields that kvdiff does not know or whose value it cannot honour.
ModelConfig parse_model_config(std::string_view text, std::string_view origin);

ModelConfig read_model_config(const std::filesystem::path& file);

}  // namespace kvdiff
