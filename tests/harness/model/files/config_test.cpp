#include "harness/model/files/config.h"

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/support/expect_error.h"

using namespace kvdiff;
using kvdiff::test::check_refused;
using nlohmann::json;

namespace {

json base() {
  return json::parse(
      R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 320, "hidden_size": 48,
    "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 6, "num_key_value_heads": 2,
    "max_position_embeddings": 512, "rms_norm_eps": 1e-05})");
}

ModelConfig parse(const json& config) { return parse_model_config(config.dump(), "m/config.json"); }

ModelConfig parse_with(const json& changes) {
  json config = base();
  config.update(changes);
  return parse(config);
}

template <class... Parts>
void check_bad(const json& changes, const Parts&... parts) {
  INFO(changes.dump());
  check_refused([&] { parse_with(changes); }, "m/config.json", parts...);
}

}  // namespace

TEST_CASE("config: the defaults of a bare file", "[modelfiles][config]") {
  const ModelConfig config = parse(base());
  CHECK(config.family == "llama");
  CHECK(config.vocabulary_size == 320);
  CHECK(config.hidden_size == 48);
  CHECK(config.intermediate_size == 64);
  CHECK(config.layers == 2);
  CHECK(config.heads == 6);
  CHECK(config.kv_heads == 2);
  CHECK(config.head_size == 8);
  CHECK(config.max_positions == 512);
  CHECK(config.rms_norm_eps == 1e-5);
  CHECK(config.hidden_act == "silu");
  CHECK_FALSE(config.tie_word_embeddings);
  CHECK_FALSE(config.attention_bias);
  CHECK_FALSE(config.mlp_bias);
  CHECK(config.rope.type == RopeType::standard);
  CHECK(config.rope.theta == 10000.0);
  CHECK_FALSE(config.dtype.has_value());
  CHECK_FALSE(config.bos_id.has_value());
  CHECK(config.eos_ids.empty());
  CHECK(config.warnings.empty());
  CHECK(config.digest.size() == 32);
}

TEST_CASE("config: everything said", "[modelfiles][config]") {
  const ModelConfig config = parse_with({{"head_dim", 32},
                                         {"tie_word_embeddings", true},
                                         {"attention_bias", true},
                                         {"mlp_bias", true},
                                         {"torch_dtype", "bfloat16"},
                                         {"bos_token_id", 1},
                                         {"eos_token_id", {2, 5}},
                                         {"num_key_value_heads", nullptr}});
  CHECK(config.head_size == 32);
  CHECK(config.kv_heads == 6);
  CHECK(config.tie_word_embeddings);
  CHECK(config.attention_bias);
  CHECK(config.mlp_bias);
  CHECK(config.dtype == Dtype::bfloat16);
  CHECK(config.bos_id == 1);
  CHECK(config.eos_ids == std::vector<int64_t>{2, 5});
}

TEST_CASE("config: the type in both spellings", "[modelfiles][config]") {
  CHECK(parse_with({{"dtype", "float16"}}).dtype == Dtype::float16);
  CHECK(parse_with({{"dtype", "float32"}, {"torch_dtype", "float16"}}).dtype == Dtype::float32);
  CHECK(parse_with({{"torch_dtype", "torch.float16"}}).dtype == Dtype::float16);
  check_bad({{"torch_dtype", "float64"}}, "torch_dtype is 'float64'", "float16, bfloat16 or float32");
}

TEST_CASE("config: the file of a published Llama model of the old kind", "[modelfiles][config]") {
  const ModelConfig config =
      parse_with(json::parse(R"({"_name_or_path": "x", "attention_dropout": 0.0, "bos_token_id": 1,
    "eos_token_id": 2, "hidden_act": "silu", "initializer_range": 0.04, "is_llama_config": true, "pad_token_id": 2,
    "pretraining_tp": 1, "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000, "tie_word_embeddings": true,
    "torch_dtype": "bfloat16", "transformers_version": "4.42.3", "use_cache": true,
    "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}}, "quantization_config": null, "pruned_heads": {},
    "layer_types": ["full_attention", "full_attention"], "temperature": 0.7, "is_encoder_decoder": false})"));
  CHECK(config.rope.theta == 100000.0);
}

TEST_CASE("config: fields that change the arithmetic are refused by name", "[modelfiles][config]") {
  check_bad({{"sliding_window", 4096}}, "sliding_window is not supported");
  check_bad({{"quantization_config", {{"quant_method", "gptq"}}}}, "quantization_config", "weights are quantized");
  check_bad({{"auto_map", {{"AutoModel", "x.Y"}}}}, "auto_map", "never executes");
  check_bad({{"rope_interleaved", true}}, "rope_interleaved is true, expected false");
  check_bad({{"pretraining_tp", 2}}, "pretraining_tp is 2, expected 1");
  check_bad({{"pruned_heads", {{"0", {1}}}}}, "pruned_heads");
  check_bad({{"layer_types", {"full_attention", "sliding_attention"}}}, "layer_types");
  check_bad({{"logits_scaling", 8.0}}, "'logits_scaling' is a field that kvdiff does not know");
  check_bad({{"embedding_multiplier", 12}}, "'embedding_multiplier'");
  check_bad({{"hidden_act", "gelu"}}, "hidden_act is 'gelu', expected 'silu'");
  check_bad({{"partial_rotary_factor", 0.5}}, "partial_rotary_factor is not 1");
  CHECK_NOTHROW(parse_with({{"embedding_multiplier", nullptr}}));
}

TEST_CASE("config: another family or head is refused", "[modelfiles][config]") {
  check_bad({{"model_type", "qwen2"}, {"use_mrope", true}}, "model_type is 'qwen2', expected llama");
  check_bad({{"model_type", nullptr}}, "model_type is missing");
  check_bad({{"model_type", 3}}, "model_type is 3, an integer, expected a text");
  check_bad({{"architectures", {"LlamaForSequenceClassification"}}}, "'LlamaForSequenceClassification'",
            "LlamaForCausalLM");
  check_bad({{"architectures", json::array()}}, "architectures");
  CHECK_NOTHROW(parse_with({{"architectures", nullptr}}));
  CHECK_NOTHROW(parse_with({{"architectures", {"LLaMAForCausalLM"}}}));
}

TEST_CASE("config: impossible values are listed all at once", "[modelfiles][config]") {
  json config = base();
  config.erase("vocab_size");
  config.update({{"hidden_size", -48},
                 {"num_hidden_layers", 0},
                 {"rms_norm_eps", 0},
                 {"intermediate_size", "64"},
                 {"max_position_embeddings", 512.5},
                 {"tie_word_embeddings", 1},
                 {"what_is_this", 1}});
  check_refused([&] { parse(config); }, "vocab_size is missing", "hidden_size is -48", "num_hidden_layers is 0",
                "rms_norm_eps is 0", "intermediate_size is '64', a text, expected an integer",
                "max_position_embeddings is 512.5, a fraction",
                "tie_word_embeddings is 1, an integer, expected true or false", "'what_is_this'");
}

TEST_CASE("config: sizes beyond any model, and heads that do not divide", "[modelfiles][config]") {
  check_bad({{"vocab_size", 9223372036854775807}}, "vocab_size is 9223372036854775807, expected 1 to 67108864");
  check_bad({{"vocab_size", 18446744073709551615u}}, "vocab_size is 18446744073709551615");
  check_bad({{"num_hidden_layers", 10001}}, "num_hidden_layers is 10001");
  check_bad({{"num_key_value_heads", 4}}, "num_attention_heads is 6, no multiple of num_key_value_heads, which is 4");
  check_bad({{"num_attention_heads", 7}, {"num_key_value_heads", 7}}, "hidden_size is 48, no multiple of the 7 heads");
  check_bad({{"head_dim", 7}}, "head_dim is 7, expected an even number");
  check_bad({{"head_dim", 0}}, "head_dim is 0");
  check_bad({{"rms_norm_eps", -1e-5}}, "rms_norm_eps is -1e-05");
  check_bad({{"rms_norm_eps", 2.0}}, "rms_norm_eps is 2.0");
  check_bad({{"eos_token_id", "2"}}, "eos_token_id is '2'");
  check_bad({{"eos_token_id", {2, nullptr}}}, "eos_token_id");
  check_bad({{"bos_token_id", {1, 2}}}, "bos_token_id is a list");
}

TEST_CASE("config: what only looks wrong is a warning", "[modelfiles][config]") {
  const ModelConfig config = parse_with({{"eos_token_id", 320}, {"bos_token_id", -1}});
  REQUIRE(config.warnings.size() == 2);
  CHECK(config.warnings[1].find("eos_token_id 320 is outside the vocabulary of 320") != std::string::npos);
}

TEST_CASE("config: text that is no configuration", "[modelfiles][config]") {
  check_refused([] { parse_model_config("[]", "c"); }, "holds a list, expected an object");
  check_refused([] { parse_model_config("{\"rms_norm_eps\": NaN}", "c"); }, "not valid JSON", "NaN");
  check_refused([] { parse_model_config("", "c"); }, "not valid JSON");
}

TEST_CASE("config: more than twenty problems end with their number", "[modelfiles][config]") {
  json config = base();
  for (int i = 0; i < 23; ++i) config["unknown_" + std::to_string(i)] = i;
  check_refused([&] { parse(config); }, "'unknown_0'", "and 3 more");
}
