#include "harness/model/files/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <tuple>

#include "cache_backends/error.h"
#include "harness/model/files/strict_json.h"
#include "harness/model/files/text_quote.h"

namespace kvdiff {
namespace {

using nlohmann::json;

constexpr uint64_t length_bytes = 8;
constexpr uint64_t largest_header = 100'000'000;
constexpr int header_depth = 3;  // header, tensor, shape

// Collects where a complaint belongs, so that each rule below is one line.
struct Place {
  std::string_view origin;
  std::string tensor;

  template <class... Arguments>
  [[noreturn]] void refuse(fmt::format_string<Arguments...> rule, Arguments&&... arguments) const {
    const std::string where = tensor.empty() ? "" : "tensor " + quote_name(tensor) + ": ";
    throw UserError(ExitCode::input,
                    fmt::format("{}: {}{}. The file is truncated or damaged: copy, download or convert it again.",
                                origin, where, fmt::format(rule, std::forward<Arguments>(arguments)...)));
  }
};

struct Range {
  uint64_t begin;  // bytes from the end of the header
  uint64_t end;
};

std::string_view header_text(std::span<const std::byte> file, const Place& place) {
  if (file.size() < length_bytes) {
    place.refuse("{} bytes, expected at least {} (the length of the safetensors header)", file.size(), length_bytes);
  }
  uint64_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) length |= std::to_integer<uint64_t>(file[i]) << (8 * i);
  if (length > largest_header) {
    place.refuse("the header claims {} bytes, expected at most {} (is this a safetensors file?)", length,
                 largest_header);
  }
  if (length > file.size() - length_bytes) {
    place.refuse("the header claims {} bytes, but only {} follow", length, file.size() - length_bytes);
  }
  const char* const begin = reinterpret_cast<const char*>(file.data()) + length_bytes;
  if (length == 0 || *begin != '{') {
    place.refuse("the header begins with {}, expected '{{'", length == 0 ? "nothing" : quote_name({begin, 1}));
  }
  return {begin, length};
}

uint64_t read_size(const json& value, const Place& place, std::string_view what) {
  if (!value.is_number_unsigned()) {
    place.refuse("{} {} is {}, expected an integer of at least 0", what, json_in_short(value),
                 json_type_in_words(value));
  }
  return value.get<uint64_t>();
}

const json& read_field(const json& entry, std::string_view name, const Place& place) {
  const auto field = entry.find(name);
  if (field == entry.end()) place.refuse("has no '{}'", name);
  return *field;
}

std::vector<int64_t> read_shape(const json& entry, const Place& place) {
  const json& field = read_field(entry, "shape", place);
  if (!field.is_array()) place.refuse("shape is {}, expected a list of integers", json_type_in_words(field));
  std::vector<int64_t> shape;
  for (const json& dimension : field) {
    const uint64_t size = read_size(dimension, place, "shape's dimension");
    if (size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      place.refuse("shape's dimension {} is larger than any tensor", size);
    }
    shape.push_back(static_cast<int64_t>(size));
  }
  return shape;
}

Range read_range(const json& entry, const Place& place) {
  const json& field = read_field(entry, "data_offsets", place);
  if (!field.is_array() || field.size() != 2) place.refuse("data_offsets is not a list of two integers");
  const Range range{read_size(field[0], place, "data_offsets' begin"), read_size(field[1], place, "data_offsets' end")};
  if (range.begin > range.end) place.refuse("data_offsets [{}, {}] end before they begin", range.begin, range.end);
  return range;
}

// Bytes that the shape needs; refuses what overflows or ends within a byte.
uint64_t bytes_of(const TensorEntry& tensor, int64_t bits, const Place& place) {
  uint64_t total = 1;
  bool overflow = false;
  for (const int64_t size : tensor.shape)
    overflow |= __builtin_mul_overflow(total, static_cast<uint64_t>(size), &total);
  overflow |= __builtin_mul_overflow(total, static_cast<uint64_t>(bits), &total);
  if (overflow) place.refuse("shape {} has more elements than a file can hold", shape_text(tensor.shape));
  if (total % 8 != 0) place.refuse("shape {} of {} ends within a byte", shape_text(tensor.shape), tensor.type_name);
  return total / 8;
}

TensorEntry read_tensor(const json& entry, std::span<const std::byte> data, const Place& place) {
  if (!entry.is_object()) place.refuse("is {}, expected an object", json_type_in_words(entry));
  TensorEntry tensor;
  tensor.name = place.tensor;
  tensor.shape = read_shape(entry, place);
  const json& dtype = read_field(entry, "dtype", place);
  if (!dtype.is_string()) place.refuse("dtype is {}, expected a text", json_type_in_words(dtype));
  const auto row = find_stored_type(dtype.get_ref<const std::string&>());
  if (!row) place.refuse("dtype {} is none of the safetensors format", json_in_short(dtype));
  tensor.type = row->type;
  tensor.type_name = row->name;
  const Range range = read_range(entry, place);
  if (range.end > data.size()) {
    place.refuse("data_offsets [{}, {}] reach beyond the file's {} bytes of data", range.begin, range.end, data.size());
  }
  const uint64_t needed = bytes_of(tensor, row->bits, place);
  if (range.end - range.begin != needed) {
    place.refuse("data_offsets [{}, {}] hold {} bytes, expected {} for shape {} of {}", range.begin, range.end,
                 range.end - range.begin, needed, shape_text(tensor.shape), tensor.type_name);
  }
  tensor.bytes = data.subspan(range.begin, range.end - range.begin);
  return tensor;
}

std::map<std::string, std::string> read_metadata(const json& entry, const Place& place) {
  std::map<std::string, std::string> metadata;
  if (entry.is_null()) return metadata;
  if (!entry.is_object()) place.refuse("__metadata__ is {}, expected an object", json_type_in_words(entry));
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string())
      place.refuse("__metadata__ {} is {}, expected a text", quote_name(key), json_type_in_words(value));
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// The tensors' bytes must follow one another from the first to the last byte of the data.
void check_layout(const std::vector<TensorEntry>& tensors, std::span<const std::byte> data, std::string_view origin) {
  uint64_t end = 0;
  std::string_view before;
  for (const TensorEntry& tensor : tensors) {
    const Place place{origin, tensor.name};
    const auto begin = static_cast<uint64_t>(tensor.bytes.data() - data.data());
    if (begin < end)
      place.refuse("begins at byte {}, inside tensor {}, which ends at {}", begin, quote_name(before), end);
    if (begin > end) place.refuse("begins at byte {}, but bytes {} to {} belong to no tensor", begin, end, begin);
    end = begin + tensor.bytes.size();
    before = tensor.name;
  }
  if (end == data.size()) return;
  Place{origin, ""}.refuse("the tensors end at byte {} of the data, but there are {} bytes", end, data.size());
}

}  // namespace

std::string shape_text(std::span<const int64_t> shape) {
  constexpr size_t shown = 16;
  if (shape.size() <= shown) return fmt::format("[{}]", fmt::join(shape, ", "));
  return fmt::format("[{}, ... ({} dimensions)]", fmt::join(shape.first(shown), ", "), shape.size());
}

SafetensorsContent parse_safetensors(std::span<const std::byte> file, std::string_view origin) {
  const std::string_view text = header_text(file, {origin, ""});
  const std::span<const std::byte> data = file.subspan(length_bytes + text.size());
  const json header = parse_strict_json(text, fmt::format("{}, header", origin), header_depth);
  SafetensorsContent content;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      content.metadata = read_metadata(entry, {origin, ""});
    } else {
      content.tensors.push_back(read_tensor(entry, data, {origin, name}));
    }
  }
  const auto place_in_file = [](const TensorEntry& tensor) {
    return std::tuple(tensor.bytes.data(), tensor.bytes.size());  // an empty tensor stands before its neighbour
  };
  std::stable_sort(content.tensors.begin(), content.tensors.end(),
                   [&](const TensorEntry& a, const TensorEntry& b) { return place_in_file(a) < place_in_file(b); });
  check_layout(content.tensors, data, origin);
  return content;
}

SafetensorsFile open_safetensors(const std::filesystem::path& path) {
  SafetensorsFile file{path, MappedFile::open(path), {}};
  file.content = parse_safetensors(file.map.bytes(), path.string());
  return file;
}

}  // namespace kvdiff
