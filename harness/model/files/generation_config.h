#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/files/config.h"

namespace kvdiff {

// How the checkpoint wants to be sampled, as far as kvdiff uses it. As in transformers 5.23, generation_config.json
// replaces what config.json says about bos and eos, also where it is silent (then nothing ends the text).
struct GenerationConfig {
  std::optional<int64_t> bos_id;
  std::vector<int64_t> eos_ids;
  bool do_sample = false;
  std::optional<double> temperature;
  std::optional<int64_t> top_k;
  std::optional<double> top_p;
  std::vector<std::string> warnings;  // what transformers' generate would do and kvdiff does not
};

// For a folder without the file.
GenerationConfig generation_config_from(const ModelConfig& config);

// Throws UserError(input) listing every field of the wrong type or out of range.
GenerationConfig parse_generation_config(std::string_view text, std::string_view origin, const ModelConfig& config);
GenerationConfig read_generation_config(const std::filesystem::path& file, const ModelConfig& config);

}  // namespace kvdiff
