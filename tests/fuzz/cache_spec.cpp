#include <cstdint>
#include <string_view>

#include "cache_backends/cache_spec.h"
#include "cache_backends/error.h"
#include "cache_backends/spec_dialects.h"
#include "cache_backends/spec_explain.h"

namespace {

void check(const kvdiff::CacheSpec& spec) {
  const std::string once = kvdiff::canonical(spec);
  const kvdiff::CacheSpec again = kvdiff::parse_cache_spec(once);
  if (!(again == spec) || kvdiff::canonical(again) != once) __builtin_trap();
  const std::string theirs = kvdiff::to_transformers(spec).text;
  const bool older = !kvdiff::to_transformers(spec).note.empty();
  if (!theirs.empty() && !older && !(kvdiff::parse_any_spec(theirs).spec == spec)) __builtin_trap();
  kvdiff::explain(spec, {4, 1, 3, 64, kvdiff::Dtype::float16});
}

}  // namespace

// Any text is a spec, in one of three spellings, or a UserError; and what is a spec has one canonical form that means
// the same, words in plain language, and the same meaning in the words of the tools that can say it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    check(kvdiff::parse_any_spec({reinterpret_cast<const char*>(data), size}).spec);
  } catch (const kvdiff::UserError&) {
  }
  return 0;
}
