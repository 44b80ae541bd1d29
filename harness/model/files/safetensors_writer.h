#pragma once
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "harness/model/files/safetensors.h"

namespace kvdiff {

// Writes the tensors in the order given, whole or not at all. type_name, shape and the number of bytes must agree
// (InternalError: they are ours). Throws UserError(io) as WholeFile does.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorEntry> tensors,
                       const std::map<std::string, std::string>& metadata = {});

// A float32 tensor over values that outlive the entry.
TensorEntry float32_entry(std::string name, std::vector<int64_t> shape, std::span<const float> values);

}  // namespace kvdiff
