#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace kvdiff {

// The element types that kvdiff reads; every other type of the format is `other` and known by its name only.
enum class StoredType { F32, F16, BF16, other };

struct StoredTypeRow {
  std::string_view name;  // as the file spells it
  int64_t bits;           // per element; below 8 for the packed types
  StoredType type;
};

// The types of safetensors 0.8.0. Nothing for a name that the format does not know.
std::optional<StoredTypeRow> find_stored_type(std::string_view name);

}  // namespace kvdiff
