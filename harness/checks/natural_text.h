#pragma once
#include <string_view>

namespace kvdiff {

// The beginning of an English text that the program carries (Newton's Opticks, 1704): what a model of language must find
// likely, and a tokenizer must cut into words. Whole sentences, about 1,500 characters.
std::string_view natural_text();

}  // namespace kvdiff
