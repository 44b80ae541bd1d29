#include "scenarios/shipped.h"

namespace kvdiff {

const ShippedFile* find_shipped(std::span<const ShippedFile> files, std::string_view name) {
  for (const ShippedFile& file : files) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

}  // namespace kvdiff
