#pragma once
#include <functional>
#include <nlohmann/json.hpp>

#include "harness/text/text_piece.h"

namespace kvdiff {

// Changes a piece's text.
using Normalizer = std::function<void(TextPiece&)>;

// The "normalizer" of a tokenizer.json; null is the one that changes nothing.
// Throws UserError(ExitCode::input) for what is not supported, by name.
Normalizer make_normalizer(const nlohmann::json& value);

}  // namespace kvdiff
