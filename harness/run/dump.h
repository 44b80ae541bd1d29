#pragma once
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "harness/observer.h"

namespace kvdiff {

// Keeps whole tensors of the steps [first, last] and writes one file a step: DIR/step-000131.safetensors, float32,
// named reference/layer-03/key_read, lane-2.forced/layer-03/key_read, ... Shapes: [rows, columns] of the observation.
class DumpObserver : public Observer {
 public:
  // Makes the folder. Throws UserError(io) when it cannot be made or written to.
  DumpObserver(std::filesystem::path folder, int64_t first, int64_t last);
  void on(const Observation& observation) override;
  // Writes the last step; the others are written as soon as the next one begins. Returns the files.
  std::vector<std::filesystem::path> finish();

 private:
  struct Tensor {
    std::vector<int64_t> shape;
    std::vector<float> values;
  };
  void write_step();

  std::filesystem::path folder_;
  int64_t first_, last_, step_ = -1;
  std::mutex mutex_;  // lanes are observed by several threads
  std::map<std::string, Tensor> tensors_;
  std::vector<std::filesystem::path> files_;
};

}  // namespace kvdiff
