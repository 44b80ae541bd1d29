#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "harness/text/text_piece.h"

namespace kvdiff {

// Cuts (and, for the byte level and Metaspace, rewrites) the pieces that are not tokens yet.
using PreTokenizer = std::function<std::vector<TextPiece>(std::vector<TextPiece>)>;

// The "pre_tokenizer" of a tokenizer.json; null is the one that cuts nothing.
// Throws UserError(ExitCode::input) for what is not supported, by name.
PreTokenizer make_pre_tokenizer(const nlohmann::json& value);

}  // namespace kvdiff
