#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "cache_backends/codec.h"
#include "harness/model/files/safetensors.h"

// What the parity run asks of kvdiff: `kvdiff_parity FOLDER` reads FOLDER/jobs.json ({"operation", "options", "jobs"}) and
// FOLDER/in.safetensors, and writes FOLDER/results.json (one value per job, {"error", "code"} where a UserError was
// thrown) and FOLDER/out.safetensors. Tensors are named by the jobs.
namespace kvdiff::parity {

using nlohmann::json;

class Exchange {
 public:
  Exchange(const SafetensorsFile& in, json of_all) : options(std::move(of_all)), in_(in) {}
  const json options;  // of all jobs
  const TensorEntry& tensor(const std::string& name) const;
  std::vector<float> values(const std::string& name) const;  // as float32
  BlockShape shape(const std::string& name) const;           // [B, H, S, D]
  Dtype dtype(const std::string& name) const;
  // Kept until the file is written.
  void put(std::string name, std::vector<int64_t> shape, std::vector<float> values);
  void put(std::string name, std::vector<int64_t> shape, std::vector<int32_t> values);
  void put(std::string name, std::vector<int64_t> shape, std::vector<std::byte> values);
  void write(const std::string& path) const;

 private:
  void put_bytes(std::string name, std::string_view type, std::vector<int64_t> shape, std::span<const std::byte> bytes);
  const SafetensorsFile& in_;
  std::deque<std::vector<std::byte>> data_;
  std::vector<TensorEntry> out_;
};

// One row per operation: operations.cpp. Each is one file here that defines its function.
struct Operation {
  std::string_view name;
  json (*run)(const json& job, Exchange& exchange);
};
std::span<const Operation> operations();

}  // namespace kvdiff::parity
