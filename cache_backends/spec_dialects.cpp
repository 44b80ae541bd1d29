#include "cache_backends/spec_dialects.h"

#include "cache_backends/spec_text.h"

namespace kvdiff {
namespace {

bool names_cache_config(std::string_view text) {
  if (text.find_first_of("{(") != std::string_view::npos) return true;
  for (const std::string_view sign : {"backend", "nbits", "axis_key", "axis_value", "q_group_size", "residual_length",
                                      "compute_dtype", "device", "cache_config"}) {
    if (text.starts_with(sign)) return true;
  }
  return false;
}

}  // namespace

Translated parse_any_spec(std::string_view text) {
  if (text.size() <= longest_spec) {
    if (text.starts_with('-')) return from_llama_cpp(text);
    if (names_cache_config(text)) return from_transformers(text);
  }
  return {parse_cache_spec(text), {}};
}

}  // namespace kvdiff
