#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/run/run.h"
#include "harness/text/prompt.h"
#include "harness/text/text_model.h"

namespace kvdiff {

PromptRequest prompt_request(const PromptSource& source);

// Everything read and checked before a weight is touched.
struct Prepared {
  ModelFiles files;
  Dtype dtype = Dtype::float16;
  TextModel text;
  Prompt prompt;
  std::string prompt_source;  // text, chat, messages, token ids
  std::optional<std::vector<int32_t>> follow;
  std::vector<std::string> warnings;
  std::unique_ptr<ThreadPool> pool;

  TokenText token_text() const;
};
Prepared prepare(const Case& run, const RunPlace& place);

// A model that several runs share: all that have this case's model, dtype, attention and prompt.
struct Loaded {
  Prepared ready;
  std::shared_ptr<device::Device> device;  // outlives the model on it; null: the host
  std::unique_ptr<Model> model;
  std::unique_ptr<Engine> engine;
  double seconds = 0;
};
Loaded load_case(const Case& run, const RunPlace& place);
RunReport run_loaded(const Case& run, const RunPlace& place, Loaded& loaded, const RunHooks& hooks);  // run_case without loading

// What the case asks of the engine. The observer may be null.
LockstepInput lockstep_input(const Case& run, const Prepared& ready, Observer* observer);

// The same for any case with that model and prompt, without reading them again.
RunEstimate estimate_case(const Case& run, const Prepared& ready);

// 0: reference, 1: control, then the candidates by their spec as given (two that read alike get a number).
std::vector<LaneInput> lanes_of(const Case& run);

// Dynamic RoPE scaling depends on the length at each call, so whole and pieced prefill differ by definition.
bool excluded_from_cutting(const ModelConfig& config);

}  // namespace kvdiff
