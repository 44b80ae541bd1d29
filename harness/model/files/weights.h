#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/files/safetensors.h"
#include "harness/model/files/tensor_values.h"

namespace kvdiff {

// All tensors of a model folder, mapped: model.safetensors, or the shards that model.safetensors.index.json names.
// Where both are there the single file counts, as in transformers.
class Weights {
 public:
  // Throws UserError(input): no weights, a damaged file, a shard missing or named with a path, a tensor in two shards
  // or not in the shard that the index names.
  static Weights open(const std::filesystem::path& folder);

  const TensorEntry* find(std::string_view name) const;  // nullptr when there is none
  const TensorEntry& at(std::string_view name) const;    // UserError(input) when there is none
  std::vector<const TensorEntry*> tensors() const;       // by name
  std::vector<std::filesystem::path> files() const;      // the weights' files, the index too
  const std::filesystem::path& folder() const { return folder_; }

 private:
  void add(SafetensorsFile file);

  std::filesystem::path folder_;
  std::filesystem::path index_;  // empty for a single file
  std::vector<SafetensorsFile> files_;
  std::map<std::string, const TensorEntry*, std::less<>> by_name_;
};

}  // namespace kvdiff
