#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cache_backends/cache_spec.h"

namespace kvdiff {

// A spec that came in another tool's words, and what had to be said about it.
struct Translated {
  CacheSpec spec;
  std::vector<std::string> notes;
};

// transformers 5.23's cache_config: keyword arguments (backend=hqq,nbits=4,axis_key=0,...) or a Python dictionary
// ({"backend": "hqq", 'nbits': 4}), bare or as cache_config=..., dict(...), QuantizedCacheConfig(...).
Translated from_transformers(std::string_view text);
// llama.cpp's flags: -ctk q8_0 -ctv q4_0, or --cache-type-k/--cache-type-v.
Translated from_llama_cpp(std::string_view text);
// Whichever of the three spellings it is. All throw UserError(usage).
Translated parse_any_spec(std::string_view text);

// The spec in another tool's words. `text` is empty where that tool cannot say it; `note` then says why, and otherwise
// under which condition the words mean the same.
struct DialectForm {
  std::string text, note;
};
DialectForm to_transformers(const CacheSpec& spec);
DialectForm to_llama_cpp(const CacheSpec& spec);

}  // namespace kvdiff
