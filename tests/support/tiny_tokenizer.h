#pragma once
#include <string>

namespace kvdiff::test {

// tokenizer.json of a byte-level BPE with 320 tokens: <|endoftext|>, <|im_start|>, <|im_end|> are 0, 1, 2, then the 256
// bytes, then 61 merges that were learnt from English text; digits stand alone. Loads in the `tokenizers` package.
// `merges_as_pairs`: the newer of the two spellings of merges.
std::string tiny_tokenizer_json(bool merges_as_pairs = true);

std::string tiny_tokenizer_config_json();

}  // namespace kvdiff::test
