#include "harness/model/files/llama_tensors.h"

#include <algorithm>

#include "harness/model/files/folder.h"
#include "harness/model/files/safetensors_writer.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/tiny_llama.h"

using namespace kvdiff;
using kvdiff::test::check_refused;

namespace {

// Copies of a tiny model's tensors, to be spoilt and written again.
struct Copy {
  std::vector<test::TinyTensor> tensors;
  std::vector<TensorEntry> entries() const {
    std::vector<TensorEntry> result;
    for (const test::TinyTensor& tensor : tensors)
      result.push_back(float32_entry(tensor.name, tensor.shape, tensor.values));
    return result;
  }
  test::TinyTensor& named(std::string_view name) {
    return *std::find_if(tensors.begin(), tensors.end(), [&](const auto& tensor) { return tensor.name == name; });
  }
};

std::vector<std::string> check(const test::TemporaryFolder& folder, const std::vector<TensorEntry>& entries) {
  write_safetensors(folder / "model.safetensors", entries);
  return check_tensors(read_model_config(folder / "config.json"), Weights::open(folder.path()));
}

}  // namespace

TEST_CASE("llama tensors: names and shapes in the order of the forward pass", "[modelfiles][llama_tensors]") {
  ModelConfig config;
  config.vocabulary_size = 10;
  config.hidden_size = 6;
  config.intermediate_size = 8;
  config.layers = 1;
  config.heads = 3;
  config.kv_heads = 1;
  config.head_size = 4;
  std::vector<ExpectedTensor> tensors = llama_tensors(config);
  REQUIRE(tensors.size() == 12);
  CHECK(tensors.front().name == "model.embed_tokens.weight");
  CHECK(tensors[2].name == "model.layers.0.self_attn.q_proj.weight");
  CHECK(tensors[2].shape == std::vector<int64_t>{12, 6});
  CHECK(tensors[3].shape == std::vector<int64_t>{4, 6});
  CHECK(tensors[5].shape == std::vector<int64_t>{6, 12});
  CHECK(tensors.back().name == "lm_head.weight");
  config.tie_word_embeddings = true;
  config.attention_bias = true;
  config.mlp_bias = true;
  tensors = llama_tensors(config);
  CHECK(tensors.size() == 18);
  CHECK(tensors.back().name == "model.norm.weight");
}

TEST_CASE("llama tensors: all problems of the weights are listed at once", "[modelfiles][llama_tensors]") {
  const test::TemporaryFolder folder;
  const test::TinyLlama model;
  test::write_tiny_llama(folder.path(), model);
  Copy copy{test::tiny_llama_tensors(model)};
  copy.named("model.norm.weight").name = "model.norm.renamed";
  copy.named("model.layers.0.self_attn.k_proj.weight").shape = {16, 64};
  std::vector<TensorEntry> entries = copy.entries();
  for (TensorEntry& entry : entries) {
    if (entry.name == "model.layers.1.mlp.up_proj.weight") {
      entry.type_name = "I32";
    }
  }
  check_refused([&] { check(folder, entries); }, "model.norm.weight is missing, expected [32]",
                "model.layers.0.self_attn.k_proj.weight is [16, 64], expected [32, 32]",
                "model.layers.1.mlp.up_proj.weight is I32, expected F32, F16 or BF16");
  check_refused([&] { check(folder, {}); }, "model.embed_tokens.weight is missing");
}

TEST_CASE("llama tensors: what the model has no use for is a warning", "[modelfiles][llama_tensors]") {
  const test::TemporaryFolder folder;
  const test::TinyLlama model;
  test::write_tiny_llama(folder.path(), model);
  const Copy copy{test::tiny_llama_tensors(model)};
  std::vector<TensorEntry> entries = copy.entries();
  const std::vector<float> values = {1.0f};
  entries.push_back(float32_entry("model.layers.0.self_attn.rotary_emb.inv_freq", {1}, values));
  CHECK(check(folder, entries).empty());
  entries.push_back(float32_entry("model.layers.0.self_attn.q_norm.weight", {1}, values));
  const std::vector<std::string> warnings = check(folder, entries);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("'model.layers.0.self_attn.q_norm.weight'") != std::string::npos);
}

TEST_CASE("llama tensors: a tied head may be there only when it is the same", "[modelfiles][llama_tensors]") {
  const test::TemporaryFolder folder;
  const test::TinyLlama model;
  test::write_tiny_llama(folder.path(), model);
  Copy copy{test::tiny_llama_tensors(model)};
  test::TinyTensor head = copy.named("model.embed_tokens.weight");
  head.name = "lm_head.weight";
  copy.tensors.push_back(head);
  CHECK(check(folder, copy.entries()).empty());
  copy.tensors.back().values[5] += 1.0f;
  check_refused([&] { check(folder, copy.entries()); }, "lm_head.weight is there and differs", "tie_word_embeddings");
}

TEST_CASE("llama tensors: a head that is not tied must be there", "[modelfiles][llama_tensors]") {
  const test::TemporaryFolder folder;
  test::TinyLlama model;
  model.tied = false;
  test::write_tiny_llama(folder.path(), model);
  CHECK(open_model(folder.path()).weights.find("lm_head.weight") != nullptr);
  Copy copy{test::tiny_llama_tensors(model)};
  copy.tensors.pop_back();
  check_refused([&] { check(folder, copy.entries()); }, "lm_head.weight is missing, expected [320, 32]");
}
