#include "tests/parity/bridge.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "cache_backends/error.h"
#include "harness/model/files/safetensors_writer.h"
#include "harness/model/files/tensor_values.h"

namespace kvdiff::parity {

const TensorEntry& Exchange::tensor(const std::string& name) const {
  for (const TensorEntry& entry : in_.content.tensors) {
    if (entry.name == name) return entry;
  }
  throw InternalError("no tensor " + name);
}

std::vector<float> Exchange::values(const std::string& name) const { return read_all(tensor(name)); }

BlockShape Exchange::shape(const std::string& name) const {
  const std::vector<int64_t>& sizes = tensor(name).shape;
  if (sizes.size() != 4) throw InternalError(name + " is no [B, H, S, D]");
  return {sizes[0], sizes[1], sizes[2], sizes[3]};
}

Dtype Exchange::dtype(const std::string& name) const {
  const StoredType type = tensor(name).type;
  return type == StoredType::F16 ? Dtype::float16 : type == StoredType::BF16 ? Dtype::bfloat16 : Dtype::float32;
}

void Exchange::put_bytes(std::string name, std::string_view type, std::vector<int64_t> shape,
                         std::span<const std::byte> bytes) {
  data_.emplace_back(bytes.begin(), bytes.end());
  out_.push_back({std::move(name), StoredType::other, std::string(type), std::move(shape), data_.back()});
}

void Exchange::put(std::string name, std::vector<int64_t> shape, std::vector<float> values) {
  put_bytes(std::move(name), "F32", std::move(shape), std::as_bytes(std::span(values)));
}
void Exchange::put(std::string name, std::vector<int64_t> shape, std::vector<int32_t> values) {
  put_bytes(std::move(name), "I32", std::move(shape), std::as_bytes(std::span(values)));
}
void Exchange::put(std::string name, std::vector<int64_t> shape, std::vector<std::byte> values) {
  put_bytes(std::move(name), "U8", std::move(shape), values);
}
void Exchange::write(const std::string& path) const { write_safetensors(path, out_); }

namespace {

json answer(const Operation& operation, const json& job, Exchange& exchange) {
  try {
    return operation.run(job, exchange);
  } catch (const UserError& error) {
    return {{"error", error.what()}, {"code", static_cast<int>(error.code())}};
  }
}

int run(const std::string& folder) {
  const json request = json::parse(std::ifstream(folder + "/jobs.json"));
  const auto found = std::find_if(operations().begin(), operations().end(),
                                  [&](const Operation& row) { return row.name == request.at("operation"); });
  if (found == operations().end()) throw InternalError("no operation " + request.at("operation").dump());
  const SafetensorsFile in = open_safetensors(folder + "/in.safetensors");
  Exchange exchange(in, request.value("options", json::object()));
  json results = json::array();
  for (const json& job : request.at("jobs")) results.push_back(answer(*found, job, exchange));
  exchange.write(folder + "/out.safetensors");
  std::ofstream(folder + "/results.json") << results.dump();
  return 0;
}

}  // namespace
}  // namespace kvdiff::parity

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "usage: kvdiff_parity FOLDER (tests/parity/bridge.h)\n";
    return 2;
  }
  return kvdiff::parity::run(words[1]);
}
