// The real model: clean it fails no check; with one fault planted it fails the fault's. Skipped where it is not set up.
#include <cstring>
#include <fstream>

#include "cache_backends/error.h"
#include "harness/checks/natural_text.h"
#include "harness/checks/probe.h"
#include "tests/catch.h"
#include "tests/harness/checks/planted_model.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace fs = std::filesystem;

namespace {

using Ids = std::vector<std::string>;

std::optional<fs::path> smollm2() {
  try {
    const fs::path folder = resolve_model("smollm2");
    if (fs::exists(folder / "model.safetensors")) return folder;
  } catch (const UserError&) {
  }
  WARN("skipped: SmolLM2 is not set up here (./x model)");
  return {};
}

// Links to the model's files, but for those that a test writes itself.
struct LinkedModel {
  TemporaryFolder folder;
  explicit LinkedModel(const fs::path& model) {
    for (const auto& entry : fs::directory_iterator(model)) fs::create_symlink(entry.path(), folder.path() / entry.path().filename());
  }
  fs::path own(const char* file) const {  // a copy in place of the link
    const fs::path from = fs::read_symlink(folder.path() / file), to = folder.path() / file;
    fs::remove(to);
    fs::copy_file(from, to);
    return to;
  }
  void edit(const char* file, const std::function<void(nlohmann::json&)>& change) const {
    const fs::path path = own(file);
    std::ifstream in(path);
    nlohmann::json value = nlohmann::json::parse(in);
    change(value);
    write_text(path, value.dump());
  }
  // The elements of one tensor in another order, in place.
  void shuffle_tensor(const char* name) const {
    const fs::path path = own("model.safetensors");
    const SafetensorsFile file = open_safetensors(path);
    for (const TensorEntry& tensor : file.content.tensors) {
      if (tensor.name != name) continue;
      std::vector<float> order(tensor.bytes.size() / 2);
      for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<float>(i);
      shuffle(order);
      std::vector<char> bytes(tensor.bytes.size());
      for (size_t i = 0; i < order.size(); ++i) std::memcpy(&bytes[2 * i], &tensor.bytes[2 * static_cast<size_t>(order[i])], 2);
      std::fstream out(path, std::ios::in | std::ios::out | std::ios::binary);
      out.seekp(tensor.bytes.data() - file.map.bytes().data());
      out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
  }
  Ids failed() const {
    const auto findings = run_file_checks(read_for_checks(folder.path()));
    UNSCOPED_INFO(all_text(findings));
    return failed_ids(findings);
  }
};

PromptRequest request_of(const char* kind) {
  PromptRequest request;
  if (std::string_view(kind) == "chat") request.chat = "Name three rivers.";
  else if (std::string_view(kind) == "raw") request.text = "The sea is";
  else for (int i = 0; i < 16; ++i) request.text = request.text.value_or("") + std::string(natural_text()) + "\n";
  return request;
}

Case case_of(const fs::path& folder) {
  Case run;
  run.model = folder.string();
  run.prompt.text = "The sea is";
  return run;
}

}  // namespace

TEST_CASE("SmolLM2, clean: no check fails with chat, raw text or a long prompt", "[checks][smollm2]") {
  const auto folder = smollm2();
  if (!folder) return;
  const CheckedFolder model = read_for_checks(*folder);
  Loaded loaded = load_case(case_of(*folder), {});
  const ReferenceFacts facts = probe_reference(*loaded.engine, loaded.ready.text);
  for (const char* kind : {"chat", "raw", "long"}) {
    const Prompt prompt = load_prompt(request_of(kind), *model.text, model.config->vocabulary_size);
    const auto findings = run_checks({model, AskedPrompt{prompt, 256}, &facts});
    INFO(kind << "\n" << all_text(findings));
    CHECK(failed_ids(findings) == Ids{});
  }
}

TEST_CASE("SmolLM2: one matrix of 210 shuffled is found from the file alone", "[checks][smollm2]") {
  const auto folder = smollm2();
  if (!folder) return;
  const LinkedModel model(*folder);
  model.shuffle_tensor("model.layers.12.self_attn.v_proj.weight");
  CHECK(model.failed() == Ids{"weights.order"});
}

TEST_CASE("SmolLM2: config and tokenizer with something left out", "[checks][smollm2]") {
  const auto folder = smollm2();
  if (!folder) return;
  const LinkedModel model(*folder);
  model.edit("config.json", [](nlohmann::json& config) { config.erase("rope_parameters"); });
  model.edit("tokenizer.json", [](nlohmann::json& tokenizer) { tokenizer["model"]["merges"] = nlohmann::json::array(); });
  CHECK(model.failed() == Ids{"config.rope_theta", "tokenizer.merges"});
}

TEST_CASE("SmolLM2: a wrong RoPE base that fits the positions is seen by what the model reads", "[checks][smollm2]") {
  const auto folder = smollm2();
  if (!folder) return;
  const LinkedModel model(*folder);
  model.edit("config.json", [](nlohmann::json& config) { config["rope_parameters"]["rope_theta"] = 10000.0; });
  CHECK(model.failed() == Ids{});
  Loaded loaded = load_case(case_of(model.folder.path()), {});
  ReferenceFacts facts = probe_reference(*loaded.engine, loaded.ready.text);
  probe_bases(loaded, facts);
  const auto findings = run_checks({read_for_checks(model.folder.path()), {}, &facts});
  INFO(all_text(findings));
  CHECK(failed_ids(findings) == Ids{"reference.rope_theta"});
  CHECK(finding(findings, "reference.rope_theta").result.found.find("likelier with rope_theta 100000 than") != std::string::npos);
}
