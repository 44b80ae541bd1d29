#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cache_backends/dtype.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_tokenizer.h"

namespace kvdiff::test {

// A Llama small enough for unit tests, made from a seed: a true Hugging Face folder that transformers loads and runs.
// The same options give the same bytes on every machine.
struct TinyLlama {
  uint64_t seed = 1;
  int64_t layers = 2;
  int64_t hidden_size = 32;  // transformers wants a multiple of heads
  int64_t intermediate_size = 64;
  int64_t heads = 4;
  int64_t kv_heads = 2;
  int64_t head_size = 16;         // heads x head_size need not be hidden_size
  int64_t vocabulary_size = 320;  // at least 259; 320 fills the tokenizer to the last id, ids above it have no token
  int64_t max_positions = 512;
  bool tied = true;
  bool attention_bias = false;
  bool mlp_bias = false;
  Dtype dtype = Dtype::float32;
  double rope_theta = 10000.0;
  std::string rope = "{}";    // JSON of further rope parameters: {"rope_type": "linear", "factor": 2.0}
  bool old_spelling = false;  // rope_theta, rope_scaling and torch_dtype instead of rope_parameters and dtype
  int shards = 1;
  // Channels c < head_size / 2: in every KV head the key rows c and c + head_size / 2 (a RoPE pair) are multiplied by
  // outlier_scale, the query rows that meet them divided by it. A power of two keeps every attention logit as it was,
  // so the outliers change nothing but what a quantizer has to cover.
  std::vector<int64_t> outlier_channels = {1, 6};
  float outlier_scale = 16.0f;
};

struct TinyTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;  // each a value of the model's dtype
};

// In the order of the checkpoint.
std::vector<TinyTensor> tiny_llama_tensors(const TinyLlama& model);

// Writes config.json, generation_config.json, the weights, tokenizer.json and tokenizer_config.json; makes the folder.
void write_tiny_llama(const std::filesystem::path& folder, const TinyLlama& model);

}  // namespace kvdiff::test
