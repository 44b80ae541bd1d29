#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace kvdiff {

// Every field of config.json that kvdiff neither reads nor knows to be without effect is refused by name: appends one
// problem for each. A field whose value is null asks for nothing and passes.
void check_config_fields(const nlohmann::json& config, std::vector<std::string>& problems);

}  // namespace kvdiff
