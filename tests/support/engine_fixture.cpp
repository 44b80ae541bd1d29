#include "tests/support/engine_fixture.h"

#include "tests/support/random.h"

namespace kvdiff::test {
namespace {

ModelFiles write_and_open(const TemporaryFolder& folder, const TinyLlama& tiny) {
  write_tiny_llama(folder.path(), tiny);
  return open_model(folder.path());
}

std::shared_ptr<const Compute> compute_of(const EngineSetup& setup, ThreadPool& pool) {
  if (setup.device) return make_device_compute(*setup.device);
  return make_host_compute(pool);
}

}  // namespace

TinyEngine::TinyEngine(const EngineSetup& setup)
    : files_(write_and_open(folder_, setup.tiny)), pool_(setup.threads),
      model_(make_model(files_.config, files_.weights, {setup.dtype, setup.eager}, {pool_, compute_of(setup, pool_)})),
      engine_(std::make_unique<Engine>(*model_, pool_)) {}

std::vector<int32_t> some_prompt(int64_t tokens, uint64_t seed) {
  Random random(seed);
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < tokens; ++i) ids.push_back(static_cast<int32_t>(random.below(256)));
  return ids;
}

LockstepInput lockstep_of(const std::vector<std::string>& candidates, int64_t prompt, int64_t tokens) {
  LockstepInput input;
  input.prompt = some_prompt(prompt);
  input.tokens = tokens;
  input.lanes = {{"reference", parse_cache_spec("full"), false}, {"control", parse_cache_spec("full"), false}};
  for (const std::string& text : candidates) {
    const CacheSpec spec = parse_cache_spec(text);
    input.lanes.push_back({text, spec, spec.lane.prefill == "quantized"});
  }
  return input;
}

}  // namespace kvdiff::test
