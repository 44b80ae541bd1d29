#include <cstdint>
#include <string_view>

#include "cache_backends/cache_spec.h"
#include "cache_backends/error.h"

// Any text is a spec or a UserError; and what is a spec has one canonical form that means the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  kvdiff::CacheSpec spec;
  try {
    spec = kvdiff::parse_cache_spec(text);
  } catch (const kvdiff::UserError&) {
    return 0;
  }
  const std::string once = kvdiff::canonical(spec);
  if (kvdiff::canonical(kvdiff::parse_cache_spec(once)) != once) __builtin_trap();
  return 0;
}
