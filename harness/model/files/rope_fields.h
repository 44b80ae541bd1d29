#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/model/files/config.h"

namespace kvdiff {

// Reads rope_theta, rope_scaling and rope_parameters of config.json into config.rope, where head_size and max_positions
// are set already. Both spellings are taken: the old one (rope_theta beside rope_scaling with `type` or `rope_type`)
// and the new one (rope_parameters holding all). Where both are there they must agree: transformers would let one win.
void read_rope_fields(const nlohmann::json& json, ModelConfig& config, std::vector<std::string>& problems);

}  // namespace kvdiff
