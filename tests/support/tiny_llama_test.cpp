#include "tests/support/tiny_llama.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/model/files/digest.h"
#include "harness/model/files/folder.h"
#include "tests/catch.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

std::string digest_of(const TinyLlama& model) {
  const TemporaryFolder folder;
  write_tiny_llama(folder.path(), model);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) files.push_back(entry.path());
  return digest_files(files);
}

const TinyTensor& named(const std::vector<TinyTensor>& tensors, std::string_view name) {
  return *std::find_if(tensors.begin(), tensors.end(), [&](const TinyTensor& tensor) { return tensor.name == name; });
}

}  // namespace

TEST_CASE("tiny llama: the same bytes on every machine", "[modelfiles][tiny_llama]") {
  CHECK(digest_of({}) == "068e5995eb476ba354ef8a674d0477e9");
  TinyLlama other;
  other.seed = 7;
  other.layers = 3;
  other.tied = false;
  other.attention_bias = true;
  other.mlp_bias = true;
  other.dtype = Dtype::float16;
  other.shards = 2;
  other.old_spelling = true;
  CHECK(digest_of(other) == "5eecb53150947333f5af0a214d3a3127");
}

TEST_CASE("tiny llama: every option opens as a model", "[modelfiles][tiny_llama]") {
  const TemporaryFolder folder;
  TinyLlama model;
  model.layers = 4;
  model.tied = false;
  model.attention_bias = true;
  model.mlp_bias = true;
  model.shards = 3;
  model.dtype = Dtype::bfloat16;
  model.rope = R"({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128})";
  write_tiny_llama(folder.path(), model);
  const ModelFiles files = open_model(folder.path());
  CHECK(files.warnings.empty());
  CHECK(files.config.layers == 4);
  CHECK(files.config.heads * files.config.head_size == 64);
  CHECK(files.config.dtype == Dtype::bfloat16);
  CHECK(files.config.rope.type == RopeType::yarn);
  CHECK(files.weights.files().size() == 4);
  for (const TinyTensor& tensor : tiny_llama_tensors(model))
    CHECK(read_all(files.weights.at(tensor.name)) == tensor.values);
}

TEST_CASE("tiny llama: outliers stand in the keys and leave the logits alone", "[modelfiles][tiny_llama]") {
  TinyLlama plain;
  plain.outlier_channels = {};
  const TinyLlama model;
  const auto without = tiny_llama_tensors(plain);
  const auto with = tiny_llama_tensors(model);
  const auto row_ratio = [&](std::string_view name, size_t row) {
    return named(with, name).values[row * 32] / named(without, name).values[row * 32];
  };
  const std::string_view keys = "model.layers.1.self_attn.k_proj.weight";
  const std::string_view queries = "model.layers.1.self_attn.q_proj.weight";
  CHECK(row_ratio(keys, 1) == 16.0f);        // channel 1 of KV head 0
  CHECK(row_ratio(keys, 16 + 14) == 16.0f);  // channel 6 + 8 of KV head 1
  CHECK(row_ratio(keys, 2) == 1.0f);
  CHECK(row_ratio(queries, 48 + 9) == 1.0f / 16.0f);  // channel 1 + 8 of query head 3
  CHECK(named(with, "model.norm.weight").values == named(without, "model.norm.weight").values);
}

TEST_CASE("tiny llama: the tokenizer fills the vocabulary", "[modelfiles][tiny_llama]") {
  const auto tokenizer = nlohmann::json::parse(tiny_tokenizer_json());
  const auto& vocabulary = tokenizer["model"]["vocab"];
  CHECK(vocabulary.size() == 320);
  std::vector<bool> used(320);
  for (const auto& [token, id] : vocabulary.items()) used.at(id.get<size_t>()) = true;
  CHECK(std::all_of(used.begin(), used.end(), [](bool is_used) { return is_used; }));
  CHECK(vocabulary["<|im_end|>"] == 2);
  CHECK(vocabulary["\xc4\xa0the"] == 2 + 256 + 33);
  CHECK(nlohmann::json::parse(tiny_tokenizer_json(false))["model"]["merges"][0] == "e r");
}
