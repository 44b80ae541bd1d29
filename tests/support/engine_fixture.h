#pragma once
#include <string>
#include <vector>

#include "harness/model/files/folder.h"
#include "harness/run/lockstep.h"
#include "harness/run/recompute.h"
#include "tests/support/tiny_llama.h"

namespace kvdiff::test {

// A tiny model on disk, loaded, and a run over it. Lane 0 is the reference, lane 1 the control.
struct EngineSetup {
  TinyLlama tiny = {};
  Dtype dtype = Dtype::float32;
  bool eager = false;
  int threads = 1;
  device::Device* device = nullptr;  // null: the host
};

class TinyEngine {
 public:
  explicit TinyEngine(const EngineSetup& setup = {});
  Engine& engine() { return *engine_; }
  const ModelFiles& files() const { return files_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  ModelFiles files_;
  ThreadPool pool_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Engine> engine_;
};

std::vector<int32_t> some_prompt(int64_t tokens, uint64_t seed = 5);

// Greedy, all modes, no end token.
LockstepInput lockstep_of(const std::vector<std::string>& candidates, int64_t prompt = 23, int64_t tokens = 24);

}  // namespace kvdiff::test
