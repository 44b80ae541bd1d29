#include "cache_backends/registry.h"

#include <fmt/format.h>

#include "cache_backends/codecs/hqq.h"
#include "cache_backends/codecs/integer.h"
#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "cache_backends/spec_text.h"

namespace kvdiff {
namespace {

std::vector<SpecKey> full_keys() {
  return {{"dtype", "model", "what is stored; model: the type that the model runs in",
           {"model", "float16", "bfloat16", "float32"}}};
}

constexpr CodecRow codec_rows[] = {
    {"full", "full precision: nothing is encoded", "transformers 5.23 DynamicCache", "full", full_keys, nullptr},
    {"hqq", "half-quadratic quantization, 1 to 8 bits in groups", "hqq 0.2.8.post1", "hf", hqq_keys, make_hqq},
    {"int8", "8-bit integers", "vLLM int8_per_token_head", "immediate", integer_keys, make_int8},
    {"int4", "4-bit integers, two per byte", "the int8 rule at 4 bits", "immediate", integer_keys, make_int4},
};

}  // namespace

std::span<const CodecRow> codecs() { return codec_rows; }

std::vector<SpecKey> spec_keys(const CodecRow& row) {
  std::vector<SpecKey> keys = row.keys();
  if (row.make != nullptr)
    keys.push_back({"rotate", "none", "a Hadamard rotation in front of the codec, as llama.cpp's (rotation.h)", {"none", "hadamard"}});
  return keys;
}

const CodecRow& find_codec(std::string_view name) {
  std::vector<std::string_view> names;
  for (const CodecRow& row : codec_rows) {
    if (row.name == name) return row;
    names.push_back(row.name);
  }
  throw UserError(ExitCode::usage, fmt::format("unknown cache {}: expected one of {}. Did you mean '{}'?",
                                               quoted(name), joined(names), nearest_match(name, names)));
}

}  // namespace kvdiff
