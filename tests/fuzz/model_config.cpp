// Any text as config.json and as generation_config.json. What is accepted must be fit to compute with.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cache_backends/error.h"
#include "harness/model/files/config.h"
#include "harness/model/files/generation_config.h"
#include "harness/model/files/rope.h"

namespace {

void check_rope(const kvdiff::ModelConfig& config) {
  using namespace kvdiff;
  if (config.head_size > 512) return;  // for speed alone
  const bool dynamic = config.rope.type == RopeType::dynamic;
  const RopeFrequencies frequencies =
      dynamic ? dynamic_rope_frequencies(config.rope, config.head_size, config.max_positions + 9)
              : rope_frequencies(config.rope, config.head_size);
  for (const float value : frequencies.inverse) {
    if (!std::isfinite(value) || value < 0.0f) std::abort();
  }
  if (!std::isfinite(frequencies.attention_factor) || frequencies.attention_factor <= 0.0f) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kvdiff;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ModelConfig config;
  config.vocabulary_size = 320;
  try {
    parse_generation_config(text, "fuzz", config);
  } catch (const UserError& error) {
    if (error.code() != ExitCode::input) std::abort();
  }
  try {
    config = parse_model_config(text, "fuzz");
    if (config.heads % config.kv_heads != 0 || config.head_size % 2 != 0 || config.layers < 1) std::abort();
    check_rope(config);
  } catch (const UserError& error) {
    if (error.code() != ExitCode::input) std::abort();
  }
  return 0;
}
