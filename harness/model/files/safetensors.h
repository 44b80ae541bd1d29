#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/files/mapped_file.h"
#include "harness/model/files/stored_type.h"

namespace kvdiff {

// One tensor of a safetensors file. The bytes are little-endian, row-major and may stand at any address: copy them out,
// never read them through a typed pointer.
struct TensorEntry {
  std::string name;
  StoredType type = StoredType::other;
  std::string type_name;  // as the file spells it
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};

std::string shape_text(std::span<const int64_t> shape);  // "[576, 1536]"

struct SafetensorsContent {
  std::vector<TensorEntry> tensors;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
};

// Reads a whole file's bytes: 8 bytes header length (little-endian), a JSON header of at most 100,000,000 bytes, the
// tensors without gap or overlap up to the last byte, as safetensors 0.8.0 checks them. Refused besides, though its
// reader lets them pass: duplicate names and a header that does not begin with '{' (both against the format's
// description, github.com/huggingface/safetensors, "Format"), and dimensions of 2^63 and more. The result points into
// `file`. Throws UserError(input) naming origin, tensor, what was found and expected.
SafetensorsContent parse_safetensors(std::span<const std::byte> file, std::string_view origin);

// A mapped file and what stands in it.
struct SafetensorsFile {
  std::filesystem::path path;
  MappedFile map;
  SafetensorsContent content;
};

SafetensorsFile open_safetensors(const std::filesystem::path& path);

}  // namespace kvdiff
