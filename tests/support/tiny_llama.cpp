#include "tests/support/tiny_llama.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "harness/model/files/llama_tensors.h"
#include "harness/model/files/safetensors_writer.h"
#include "tests/support/portable_random.h"

namespace kvdiff::test {
namespace {

using nlohmann::ordered_json;

// Chosen so that the layers, and not the token's own embedding, decide the next token: then greedy text does not repeat
// its last token for ever, and the logits (standard deviation about 3) are not flat.
double gain_of(std::string_view name) {
  if (name.ends_with("embed_tokens.weight")) return 0.1;
  if (name.ends_with("lm_head.weight")) return 0.1;
  if (name.ends_with("q_proj.weight") || name.ends_with("k_proj.weight")) return 1.3;
  return 1.0;
}

double mean_of(std::string_view name) {
  if (name == "model.norm.weight") return 5.0;
  return name.ends_with("norm.weight") ? 1.0 : 0.0;
}

// Standard deviation: gain / sqrt(inputs) for a matrix, so that it keeps the size of what goes through.
double deviation_of(const ExpectedTensor& tensor) {
  if (tensor.name.ends_with("embed_tokens.weight") || tensor.name.ends_with("lm_head.weight"))
    return gain_of(tensor.name);
  if (tensor.shape.size() == 2) return gain_of(tensor.name) / std::sqrt(static_cast<double>(tensor.shape[1]));
  return 0.1;
}

ModelConfig shapes_of(const TinyLlama& model) {
  ModelConfig config;
  config.vocabulary_size = model.vocabulary_size;
  config.hidden_size = model.hidden_size;
  config.intermediate_size = model.intermediate_size;
  config.layers = model.layers;
  config.heads = model.heads;
  config.kv_heads = model.kv_heads;
  config.head_size = model.head_size;
  config.tie_word_embeddings = model.tied;
  config.attention_bias = model.attention_bias;
  config.mlp_bias = model.mlp_bias;
  return config;
}

// Multiplies the rows of one projection (its bias too: one value per row) that make an outlier channel.
void scale_channels(const TinyLlama& model, float scale, TinyTensor& tensor) {
  const int64_t row_size = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
  for (int64_t row = 0; row < tensor.shape[0]; ++row) {
    const int64_t pair = row % model.head_size % (model.head_size / 2);
    const auto& outliers = model.outlier_channels;
    if (std::find(outliers.begin(), outliers.end(), pair) == outliers.end()) continue;
    for (int64_t i = 0; i < row_size; ++i) tensor.values[static_cast<size_t>(row * row_size + i)] *= scale;
  }
}

TinyTensor make_tensor(const TinyLlama& model, const ExpectedTensor& expected) {
  TinyTensor tensor{expected.name, expected.shape, {}};
  PortableRandom random = PortableRandom::for_name(model.seed, expected.name);
  int64_t count = 1;
  for (const int64_t size : expected.shape) count *= size;
  const double mean = mean_of(expected.name);
  const double deviation = deviation_of(expected);
  for (int64_t i = 0; i < count; ++i) tensor.values.push_back(static_cast<float>(mean + deviation * random.normal()));
  if (expected.name.find("k_proj") != std::string::npos) scale_channels(model, model.outlier_scale, tensor);
  if (expected.name.find("q_proj") != std::string::npos) scale_channels(model, 1.0f / model.outlier_scale, tensor);
  for (float& value : tensor.values) value = round_to(model.dtype, value);
  return tensor;
}

// The values as the file holds them, in the model's dtype.
std::vector<std::byte> stored(const TinyTensor& tensor, Dtype dtype) {
  std::vector<std::byte> bytes(tensor.values.size() * size_of(dtype));
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    const float value = tensor.values[i];
    const uint16_t half = dtype == Dtype::float16 ? float16_bits(value) : bfloat16_bits(value);
    const void* const source = dtype == Dtype::float32 ? static_cast<const void*>(&value) : &half;
    std::memcpy(bytes.data() + i * size_of(dtype), source, size_of(dtype));
  }
  return bytes;
}

void write_weights(const std::filesystem::path& folder, const TinyLlama& model) {
  const std::vector<TinyTensor> tensors = tiny_llama_tensors(model);
  const StoredTypeRow type = *find_stored_type(model.dtype == Dtype::float32   ? "F32"
                                               : model.dtype == Dtype::float16 ? "F16"
                                                                               : "BF16");
  const auto shards = static_cast<size_t>(model.shards);
  ordered_json weight_map = ordered_json::object();
  for (size_t shard = 0; shard < shards; ++shard) {
    const std::string name =
        shards == 1 ? "model.safetensors" : fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, shards);
    std::vector<std::vector<std::byte>> bytes;
    std::vector<TensorEntry> entries;
    for (size_t i = tensors.size() * shard / shards; i < tensors.size() * (shard + 1) / shards; ++i) {
      bytes.push_back(stored(tensors[i], model.dtype));
      entries.push_back({tensors[i].name, type.type, std::string(type.name), tensors[i].shape, bytes.back()});
      weight_map[tensors[i].name] = name;
    }
    write_safetensors(folder / name, entries, {{"format", "pt"}});
  }
  if (shards == 1) return;
  const ordered_json index = {{"metadata", ordered_json::object()}, {"weight_map", weight_map}};
  write_text(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

void add_rope(const TinyLlama& model, ordered_json& config) {
  ordered_json rope = ordered_json::parse(model.rope);
  if (!rope.contains("rope_type")) rope["rope_type"] = "default";
  if (model.old_spelling) {
    config["rope_theta"] = model.rope_theta;
    if (rope["rope_type"] == "default") rope = nullptr;
    config["rope_scaling"] = rope;
  } else {
    rope["rope_theta"] = model.rope_theta;
    config["rope_parameters"] = rope;
  }
}

std::string config_json(const TinyLlama& model) {
  ordered_json config = {{"architectures", {"LlamaForCausalLM"}}, {"model_type", "llama"}};
  config["vocab_size"] = model.vocabulary_size;
  config["hidden_size"] = model.hidden_size;
  config["intermediate_size"] = model.intermediate_size;
  config["num_hidden_layers"] = model.layers;
  config["num_attention_heads"] = model.heads;
  config["num_key_value_heads"] = model.kv_heads;
  config["head_dim"] = model.head_size;
  config["hidden_act"] = "silu";
  config["max_position_embeddings"] = model.max_positions;
  config["rms_norm_eps"] = 1e-5;
  config["tie_word_embeddings"] = model.tied;
  config["attention_bias"] = model.attention_bias;
  config["mlp_bias"] = model.mlp_bias;
  config["bos_token_id"] = 1;
  config["eos_token_id"] = 2;
  config["pad_token_id"] = 2;
  config[model.old_spelling ? "torch_dtype" : "dtype"] = name_of(model.dtype);
  config["use_cache"] = true;
  add_rope(model, config);
  return config.dump(2) + "\n";
}

}  // namespace

std::vector<TinyTensor> tiny_llama_tensors(const TinyLlama& model) {
  std::vector<TinyTensor> tensors;
  for (const ExpectedTensor& expected : llama_tensors(shapes_of(model)))
    tensors.push_back(make_tensor(model, expected));
  return tensors;
}

void write_tiny_llama(const std::filesystem::path& folder, const TinyLlama& model) {
  std::filesystem::create_directories(folder);
  write_text(folder / "config.json", config_json(model));
  const ordered_json generation = {{"bos_token_id", 1}, {"eos_token_id", 2}, {"pad_token_id", 2}};
  write_text(folder / "generation_config.json", generation.dump(2) + "\n");
  write_text(folder / "tokenizer.json", tiny_tokenizer_json());
  write_text(folder / "tokenizer_config.json", tiny_tokenizer_config_json());
  write_weights(folder, model);
}

}  // namespace kvdiff::test
