#include "cache_backends/registry.h"

#include <fmt/format.h>

#include "cache_backends/codecs/fp8.h"
#include "cache_backends/codecs/ggml.h"
#include "cache_backends/codecs/hqq.h"
#include "cache_backends/codecs/integer.h"
#include "cache_backends/codecs/kivi.h"
#include "cache_backends/codecs/quanto.h"
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
    {"quanto", "min-max quantization, 2 or 4 bits in groups", "optimum-quanto 0.2.7", "hf", quanto_keys, make_quanto},
    {"int8", "8-bit integers", "vLLM int8_per_token_head", "immediate", integer_keys, make_int8},
    {"int4", "4-bit integers, two per byte", "the int8 rule at 4 bits", "immediate", integer_keys, make_int4},
    {"kivi", "min-max quantization, 2 or 4 bits: keys per channel, values per token", "KIVI 876b4d2", "streaming", kivi_keys, make_kivi},
    {"hf-fp8", "8-bit floats (e4m3), one scale per tensor from the first update", "transformers 5.23 fp8", "hf-fp8", hf_fp8_keys,
     make_hf_fp8},
    {"fp8", "8-bit floats, e4m3 or e5m2", "vLLM fp8", "immediate", fp8_keys, make_fp8},
    {"q8_0", "8-bit integers in blocks of 32", "llama.cpp q8_0", "immediate", ggml_keys, make_ggml},
    {"q5_1", "5-bit integers in blocks of 32, with a minimum", "llama.cpp q5_1", "immediate", ggml_keys, make_ggml},
    {"q5_0", "5-bit integers in blocks of 32", "llama.cpp q5_0", "immediate", ggml_keys, make_ggml},
    {"q4_1", "4-bit integers in blocks of 32, with a minimum", "llama.cpp q4_1", "immediate", ggml_keys, make_ggml},
    {"q4_0", "4-bit integers in blocks of 32", "llama.cpp q4_0", "immediate", ggml_keys, make_ggml},
    {"iq4_nl", "16 uneven steps in blocks of 32", "llama.cpp iq4_nl", "immediate", ggml_keys, make_ggml},
};

}  // namespace

std::span<const CodecRow> codecs() { return codec_rows; }

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
