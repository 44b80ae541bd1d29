// Faults planted into the files of a tiny model, each found by its check.
#include <cmath>
#include <limits>
#include <set>

#include "tests/catch.h"
#include "tests/harness/checks/planted_model.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

using Ids = std::vector<std::string>;

// Plants into the tensors, and says which checks fail.
Ids after(PlantedModel& model) {
  model.write_tensors();
  const auto findings = model.file_findings();
  UNSCOPED_INFO(all_text(findings));
  return failed_ids(findings);
}

Ids after_config(const std::function<void(nlohmann::json&)>& change) {
  const PlantedModel model;
  model.edit("config.json", change);
  const auto findings = model.file_findings();
  UNSCOPED_INFO(all_text(findings));
  return failed_ids(findings);
}

const char* const up_of_2 = "model.layers.2.mlp.up_proj.weight";

}  // namespace

TEST_CASE("checks: each row has an id of its own, and says what it sees and misses", "[checks]") {
  std::set<std::string_view> ids;
  for (const CheckRow& row : check_rows()) {
    CHECK(ids.insert(row.id).second);
    CHECK_FALSE(row.sees.empty());
    CHECK_FALSE(row.misses.empty());
  }
}

TEST_CASE("checks: sound tiny models fail none, with or without structure", "[checks]") {
  CHECK(failed_ids(PlantedModel().file_findings()) == Ids{});
  for (const Dtype dtype : {Dtype::float32, Dtype::float16, Dtype::bfloat16}) {
    TemporaryFolder folder;
    write_tiny_llama(folder.path(), {.layers = 4, .tied = false, .attention_bias = true, .mlp_bias = true, .dtype = dtype, .shards = 2});
    const auto findings = run_file_checks(read_for_checks(folder.path()));
    INFO(all_text(findings));
    CHECK(failed_ids(findings) == Ids{});
  }
}

TEST_CASE("checks: NaN and infinite weights are found", "[checks]") {
  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    PlantedModel model;
    model.tensor(up_of_2).values[17] = value;
    CHECK(after(model) == Ids{"weights.finite"});
    CHECK(finding(model.file_findings(), "weights.finite").result.found.find(up_of_2) != std::string::npos);
  }
}

TEST_CASE("checks: tensors that were never written are found", "[checks]") {
  const auto fill = [](float value, size_t count) {
    PlantedModel model;
    auto& values = model.tensor("model.layers.1.self_attn.o_proj.weight").values;
    std::fill(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(std::min(count, values.size())), value);
    return after(model);
  };
  CHECK(fill(0, 1 << 20) == Ids{"weights.filled"});
  CHECK(fill(0.5f, 1 << 20).front() == "weights.filled");
  CHECK(fill(0, 64 * 8) == Ids{"weights.filled"});  // 8 of 32 rows
  PlantedModel norm;
  std::fill(norm.tensor("model.layers.1.input_layernorm.weight").values.begin(), norm.tensor("model.layers.1.input_layernorm.weight").values.end(), 0.0f);
  CHECK(after(norm) == Ids{"weights.filled"});
}

TEST_CASE("checks: missing and misshapen tensors are found", "[checks]") {
  PlantedModel missing;
  missing.remove("model.layers.3.self_attn.k_proj.weight");
  CHECK(after(missing) == Ids{"weights.shapes"});
  PlantedModel turned;
  TinyTensor& tensor = turned.tensor(up_of_2);
  std::swap(tensor.shape[0], tensor.shape[1]);
  CHECK(after(turned).front() == "weights.shapes");
  PlantedModel head({.layers = 4, .tied = false});
  head.remove("lm_head.weight");
  CHECK(after(head) == Ids{"weights.head"});
}

TEST_CASE("checks: a head that contradicts its tie is found", "[checks]") {
  PlantedModel model({.layers = 4, .tied = false});
  model.edit("config.json", [](nlohmann::json& config) { config["tie_word_embeddings"] = true; });
  CHECK(after(model) == Ids{"weights.head"});
}

TEST_CASE("checks: a damaged weights file is found, and hides no other check", "[checks]") {
  const PlantedModel model;
  std::filesystem::resize_file(model.path() / "model.safetensors", 1000);
  const auto findings = model.file_findings();
  CHECK(failed_ids(findings) == Ids{"weights.readable"});
  CHECK(finding(findings, "weights.finite").result.outcome == Outcome::not_applicable);
  CHECK(finding(findings, "tokenizer.round_trip").result.outcome == Outcome::passed);
}

TEST_CASE("checks: a layer of another size than its siblings is found", "[checks]") {
  for (const float factor : {100.0f, 0.01f}) {
    PlantedModel model;
    for (float& value : model.tensor("model.layers.4.self_attn.v_proj.weight").values) value *= factor;
    CHECK(after(model) == Ids{"weights.scale"});
  }
}

TEST_CASE("checks: shuffled elements of any matrix of a layer are found", "[checks]") {
  for (const char* part : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
    PlantedModel model;
    const std::string name = std::string("model.layers.3.") + part + ".weight";
    shuffle(model.tensor(name).values);
    const Ids ids = after(model);
    INFO(part);
    REQUIRE_FALSE(ids.empty());
    CHECK(ids.front() == "weights.order");
    CHECK(finding(model.file_findings(), "weights.order").result.found.find(name) != std::string::npos);
  }
}

TEST_CASE("checks: rows in another order than their partner's columns are found", "[checks]") {
  PlantedModel model({.layers = 5, .intermediate_size = 512});
  TinyTensor& tensor = model.tensor(up_of_2);
  const auto width = static_cast<std::ptrdiff_t>(tensor.shape[1]);
  std::rotate(tensor.values.begin(), tensor.values.begin() + 100 * width, tensor.values.end());
  CHECK(after(model) == Ids{"weights.neighbours"});
}

TEST_CASE("checks: what config.json says against the tensors is found", "[checks]") {
  using Json = nlohmann::json;
  CHECK(after_config([](Json& c) { c["num_hidden_layers"] = 3; }) == Ids{"config.layers"});
  CHECK(after_config([](Json& c) { c["num_hidden_layers"] = 6; }) == Ids{"weights.shapes", "config.layers"});
  CHECK(after_config([](Json& c) { c["num_key_value_heads"] = 1; }) == Ids{"weights.shapes", "config.heads"});
  CHECK(after_config([](Json& c) { c["head_dim"] = 8; }) == Ids{"weights.shapes", "config.heads"});
  CHECK(after_config([](Json& c) { c["vocab_size"] = 400; }) == Ids{"weights.shapes", "config.vocabulary"});
  CHECK(after_config([](Json& c) { c["rms_norm_eps"] = 0.1; }) == Ids{"config.epsilon"});
  CHECK(after_config([](Json& c) { c["model_type"] = "gpt2"; }) == Ids{"config.readable"});
}

TEST_CASE("checks: a missing or too small RoPE base, and a missing scaling, are found", "[checks]") {
  using Json = nlohmann::json;
  const auto without_base = [](Json& c) { c.erase("rope_parameters"); };
  CHECK(after_config(without_base) == Ids{});  // 512 positions: the default is right
  CHECK(after_config([&](Json& c) { without_base(c), c["max_position_embeddings"] = 8192; }) == Ids{"config.rope_theta"});
  CHECK(after_config([](Json& c) { c["max_position_embeddings"] = 8192; }) == Ids{});  // said, and some are like that
  CHECK(after_config([](Json& c) { c["max_position_embeddings"] = 32768; }) == Ids{"config.rope_theta"});
  const auto llama3 = [](Json& c) { c["max_position_embeddings"] = 131072, c["rope_parameters"]["rope_theta"] = 500000.0, c["vocab_size"] = 128256; };
  CHECK(after_config(llama3).back() == "positions.scaling");
}

TEST_CASE("checks: longrope is read, computed by hand, and refused by name", "[checks]") {
  using Json = nlohmann::json;
  const auto said = [](const std::function<void(Json&)>& change) {
    const PlantedModel model;  // heads of 16: 8 pairs
    model.edit("config.json", [&](Json& c) {
      c["max_position_embeddings"] = 131072;
      c["rope_parameters"] = {{"rope_type", "longrope"}, {"rope_theta", 10000.0}, {"short_factor", std::vector<double>(8, 1.0)},
                              {"long_factor", std::vector<double>(8, 4.0)}, {"original_max_position_embeddings", 4096}};
      change(c);
    });
    const auto findings = model.file_findings();
    UNSCOPED_INFO(all_text(findings));
    CHECK(failed_ids(findings)[0] == "config.readable");
    for (const CheckFinding& one : findings) {
      if (one.id == "config.readable") CHECK(one.result.found.find("longrope") != std::string::npos);
      if (one.id == "positions.longrope") return one.result;
    }
    return CheckResult{};
  };
  // sqrt(1 + ln 32 / ln 4096) = sqrt(1 + 5 / 12)
  const CheckResult sound = said([](Json&) {});
  CHECK(sound.outcome == Outcome::passed);
  CHECK(sound.found == "rope type longrope: 8 of short_factor and 8 of long_factor for 8 pairs of a head, the long ones beyond 4096 of 131072 positions, "
                       "attention factor 1.19 (from a factor of 32); kvdiff does not compute it");
  CHECK(said([](Json& c) { c["rope_parameters"]["attention_factor"] = 1.25; }).found.find("attention factor 1.25;") != std::string::npos);
  CHECK(said([](Json& c) { c["max_position_embeddings"] = 4096; }).found.find("attention factor 1 (from a factor of 1)") != std::string::npos);
  const CheckResult shorter = said([](Json& c) { c["rope_parameters"]["long_factor"].erase(0); });
  CHECK(shorter.outcome == Outcome::failed);
  CHECK(shorter.found.find("7 of long_factor for 8 pairs") != std::string::npos);
  CHECK(said([](Json& c) { c["rope_parameters"]["short_factor"][3] = 0; }).found.find("no sound short_factor") != std::string::npos);
  CHECK(said([](Json& c) { c["rope_parameters"].erase("original_max_position_embeddings"); }).outcome == Outcome::failed);
}

TEST_CASE("checks: weights that float16 cannot hold are found", "[checks]") {
  PlantedModel model;
  model.tensor("model.norm.weight").values[3] = 70000;
  model.edit("config.json", [](nlohmann::json& config) { config["dtype"] = "float16"; });
  CHECK(after(model) == Ids{"arithmetic.weights"});
}
