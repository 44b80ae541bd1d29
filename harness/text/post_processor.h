#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

namespace kvdiff {

// Puts special tokens around the ids of one text, where `add_special_tokens` says so.
using PostProcessor = std::function<std::vector<int32_t>(std::vector<int32_t> ids, bool add_special_tokens)>;

// The "post_processor" of a tokenizer.json; null changes nothing.
// Throws UserError(ExitCode::input) for what is not supported, by name.
PostProcessor make_post_processor(const nlohmann::json& value);

}  // namespace kvdiff
