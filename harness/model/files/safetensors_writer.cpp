#include "harness/model/files/safetensors_writer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cache_backends/error.h"
#include "harness/model/files/whole_file.h"

namespace kvdiff {
namespace {

using nlohmann::ordered_json;

uint64_t bytes_for(const TensorEntry& tensor) {
  const auto row = find_stored_type(tensor.type_name);
  if (!row) throw InternalError("write_safetensors: no such type " + tensor.type_name);
  uint64_t bits = static_cast<uint64_t>(row->bits);
  for (const int64_t size : tensor.shape) bits *= static_cast<uint64_t>(size);
  return bits / 8;
}

std::string header_of(std::span<const TensorEntry> tensors, const std::map<std::string, std::string>& metadata) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t begin = 0;
  std::set<std::string> names{"__metadata__"};
  for (const TensorEntry& tensor : tensors) {
    if (!names.insert(tensor.name).second) throw InternalError("write_safetensors: two tensors named " + tensor.name);
    if (tensor.bytes.size() != bytes_for(tensor)) {
      throw InternalError(fmt::format("write_safetensors: {} of shape {} has {} bytes, expected {}", tensor.name,
                                      shape_text(tensor.shape), tensor.bytes.size(), bytes_for(tensor)));
    }
    const uint64_t end = begin + tensor.bytes.size();
    header[tensor.name] = {{"dtype", tensor.type_name}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the format allows spaces; readers like an aligned first tensor
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const TensorEntry> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string header = header_of(tensors, metadata);
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>((header.size() >> (8 * i)) & 0xff);
  WholeFile file(path);
  file.write(length);
  file.write(header);
  for (const TensorEntry& tensor : tensors) file.write(tensor.bytes);
  file.commit();
}

TensorEntry float32_entry(std::string name, std::vector<int64_t> shape, std::span<const float> values) {
  return {std::move(name), StoredType::F32, "F32", std::move(shape), std::as_bytes(values)};
}

}  // namespace kvdiff
