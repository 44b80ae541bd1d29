#include "harness/model/files/stored_type.h"

#include <algorithm>
#include <iterator>

namespace kvdiff {
namespace {

constexpr StoredTypeRow stored_types[] = {
    {"F32", 32, StoredType::F32},          {"F16", 16, StoredType::F16},          {"BF16", 16, StoredType::BF16},
    {"BOOL", 8, StoredType::other},        {"F4", 4, StoredType::other},          {"F6_E2M3", 6, StoredType::other},
    {"F6_E3M2", 6, StoredType::other},     {"U8", 8, StoredType::other},          {"I8", 8, StoredType::other},
    {"F8_E5M2", 8, StoredType::other},     {"F8_E4M3", 8, StoredType::other},     {"F8_E8M0", 8, StoredType::other},
    {"F8_E4M3FNUZ", 8, StoredType::other}, {"F8_E5M2FNUZ", 8, StoredType::other}, {"I16", 16, StoredType::other},
    {"U16", 16, StoredType::other},        {"I32", 32, StoredType::other},        {"U32", 32, StoredType::other},
    {"C64", 64, StoredType::other},        {"F64", 64, StoredType::other},        {"I64", 64, StoredType::other},
    {"U64", 64, StoredType::other},
};

}  // namespace

std::optional<StoredTypeRow> find_stored_type(std::string_view name) {
  const auto row = std::find_if(std::begin(stored_types), std::end(stored_types),
                                [&](const StoredTypeRow& candidate) { return candidate.name == name; });
  if (row == std::end(stored_types)) return std::nullopt;
  return *row;
}

}  // namespace kvdiff
