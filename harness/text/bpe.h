#pragma once
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/text/vocabulary.h"

namespace kvdiff {

// Byte pair encoding (Sennrich et al. 2016, arXiv:1508.07909) with the options of the `tokenizers` package 0.23.
struct BpeModel {
  TokenMap vocabulary;
  std::vector<std::string> tokens;  // by id, without holes
  MergeMap merges;
  std::array<int32_t, 256> byte_tokens{};  // "<0x00>" ... "<0xFF>"; -1 where missing
  std::optional<std::string> unknown_token;
  std::string continuing_prefix;  // in front of every character of a word but the first
  std::string end_suffix;         // behind the last
  bool byte_fallback = false;
  bool fuse_unknown = false;
  bool ignore_merges = false;  // a word that is a token is not taken apart
};

// Reads the "model" of a tokenizer.json. Throws UserError(ExitCode::input) that lists what is wrong: another type,
// dropout, ids that are no whole numbers, out of range, given twice or left out, merges of tokens or into tokens that
// do not exist.
BpeModel read_bpe(const nlohmann::json& value);

// Appends the ids of one word (valid UTF-8). O(n log n) in its length.
// Throws UserError(ExitCode::input) when it needs the unknown token and the vocabulary lacks that.
void encode_word(const BpeModel& model, std::string_view word, std::vector<int32_t>& ids);

}  // namespace kvdiff
