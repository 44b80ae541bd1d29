#include <fstream>

#include "cache_backends/faults/bit_fault.h"
#include "harness/model/files/safetensors.h"
#include "harness/run/run.h"
#include "harness/run_report_json.h"
#include "harness/verdict/verdict.h"
#include "tests/catch.h"
#include "tests/support/engine_fixture.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

Case small_case(const std::filesystem::path& model, const std::vector<std::string>& specs) {
  Case run;
  run.model = model.string();
  run.prompt.text = "The quick brown fox jumps over the lazy dog";
  for (const std::string& spec : specs) run.caches.push_back(parse_cache_spec(spec));
  run.tokens = 20;
  run.ignore_eos = true;
  return run;
}

struct TinyFolder {
  TemporaryFolder folder;
  explicit TinyFolder(const TinyLlama& model = {}) { write_tiny_llama(folder.path(), model); }
};

}  // namespace

TEST_CASE("run_case: the report holds what the lanes did, and reads back from its JSON", "[run]") {
  TinyFolder tiny;
  const RunReport report = run_case(small_case(tiny.folder.path(), {"hqq:bits=2,group=16,residual=4", "full"}), {}, {});
  REQUIRE(report.lanes.size() == 4);
  CHECK(report.floors.control.exact);
  CHECK(report.floors.recomputation.exact);
  const LaneReport &quantized = report.lanes[2], &full = report.lanes[3];
  CHECK(quantized.forced->kld.size() == 20);
  CHECK(quantized.local->layers.size() == 2);
  CHECK_FALSE(quantized.forced->flushes.empty());
  CHECK_FALSE(quantized.local->flushes.empty());
  CHECK(full.free->tokens == report.lanes[0].free->tokens);
  CHECK(full.digests.key == report.lanes[0].digests.key);
  CHECK(quantized.digests.key != report.lanes[0].digests.key);
  CHECK(quantized.bytes.total < quantized.bytes.full_precision * 2);
  CHECK(report.lanes[0].bytes.total == 2 * report.lanes[0].bytes.full_precision);  // float32 storage
  const std::string json = report_json(report);
  CHECK(report_json(read_report(json)) == json);
}

TEST_CASE("run_case: a faulty control makes everything invalid", "[run][fault]") {
  TinyFolder tiny;
  RunHooks hooks;
  hooks.wrap_cache = [](LaneId lane, Mode, std::unique_ptr<KvCache> cache) -> std::unique_ptr<KvCache> {
    if (lane != 1) return cache;
    return make_bit_fault(std::move(cache), {.layer = 0, .side = Side::key, .token = 5, .channel = 1});
  };
  const RunReport report = judged(run_case(small_case(tiny.folder.path(), {"int8"}), {}, hooks), {});
  CHECK_FALSE(report.floors.control.exact);
  CHECK(report.exit_code == static_cast<int>(ExitCode::invalid));
  CHECK(report.lanes[2].status == LaneStatus::invalid);
}

TEST_CASE("run_case: a faulty reference is caught by the recomputation without a cache", "[run][fault]") {
  TinyFolder tiny;
  RunHooks hooks;
  hooks.wrap_cache = [](LaneId lane, Mode, std::unique_ptr<KvCache> cache) -> std::unique_ptr<KvCache> {
    if (lane > 1) return cache;  // the same fault in both, so that the control agrees
    return make_bit_fault(std::move(cache), {.layer = 0, .side = Side::key, .token = 5, .channel = 1});
  };
  const RunReport report = judged(run_case(small_case(tiny.folder.path(), {"int8"}), {}, hooks), {});
  CHECK(report.floors.control.exact);
  CHECK_FALSE(report.floors.recomputation.exact);
  CHECK(report.exit_code == static_cast<int>(ExitCode::invalid));
}

TEST_CASE("run_case: a lane whose attention never reads codes is invalid, not passed", "[run]") {
  TinyFolder tiny;
  Case run = small_case(tiny.folder.path(), {"int8:residual=500"});
  const RunReport report = judged(run_case(run, {}, {}), {});
  CHECK(report.lanes[2].status == LaneStatus::invalid);
  CHECK(report.exit_code == static_cast<int>(ExitCode::invalid));
}

TEST_CASE("run_case: tensors of a window are kept as safetensors", "[run][dump]") {
  TinyFolder tiny;
  const TemporaryFolder out;
  RunPlace place;
  place.dump = (out / "tensors").string();
  place.dump_steps = {3, 5};
  run_case(small_case(tiny.folder.path(), {"hqq:bits=2,group=16,residual=2"}), place, {});
  for (const char* name : {"step-000003.safetensors", "step-000004.safetensors", "step-000005.safetensors"}) {
    const SafetensorsFile file = open_safetensors(out / "tensors" / name);
    bool logits = false, local = false;
    for (const TensorEntry& tensor : file.content.tensors) {
      logits |= tensor.name == "lane-2.forced/logits" && tensor.shape == std::vector<int64_t>{1, 320};
      local |= tensor.name == "lane-2.local/layer-01/attention_probs";
    }
    CHECK(logits);
    CHECK(local);
  }
  CHECK_FALSE(std::filesystem::exists(out / "tensors" / "step-000006.safetensors"));
}

TEST_CASE("run_case: steps beyond the trained positions are reported apart", "[run]") {
  TinyLlama model;
  model.max_positions = 36;
  TinyFolder tiny(model);
  const RunReport report = run_case(small_case(tiny.folder.path(), {"int8"}), {}, {});
  REQUIRE(report.lanes[2].forced->beyond_positions);
  CHECK(report.lanes[2].forced->beyond_positions->first_step ==
        36 - static_cast<int64_t>(report.prompt.token_ids.size()) + 1);
  CHECK_FALSE(report.warnings.empty());
}

TEST_CASE("run_case: dynamic RoPE is left out of the recomputation, by name", "[run]") {
  TinyLlama model;
  model.max_positions = 64;
  model.rope = R"({"rope_type": "dynamic", "factor": 2.0})";
  TinyFolder tiny(model);
  const RunReport report = run_case(small_case(tiny.folder.path(), {"int8"}), {}, {});
  CHECK_FALSE(report.floors.recomputation.measured);
  CHECK(report.floors.recomputation.difference.find("dynamic") != std::string::npos);
}
