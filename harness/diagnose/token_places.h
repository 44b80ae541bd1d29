#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/diagnose/material.h"
#include "harness/diagnose/parts.h"

namespace kvdiff {

struct Walk;

using TokenRange = std::pair<int64_t, int64_t>;  // inclusive positions; the prompt begins at 0

// The tokens that each encoding of one side was the first to turn into codes: 0 is the prompt's. As long as the text of
// `material` lasts, and as far as attention came to read it.
std::vector<TokenRange> flushes_of(const CacheSpec& spec, const Material& material, const Part& part);

// Shares of the candidate's KLD.
struct TokenScore {
  std::string name;                    // "the first token", "flush 1"
  TokenRange tokens;
  std::optional<double> recovery;      // these tokens of the asked sides exempt
  std::optional<double> alone;         // nothing but these tokens of the asked sides quantized
};

struct TokenFinding {
  bool everything = false;             // asked of all quantized sides, not of the named set: the error is diffuse
  std::vector<TokenScore> scores;
};

// Which tokens' codes do it: the first token, the first four (attention sinks), the prompt, the generated text, and each
// flush by itself, the late ones together. Two trials each.
void find_tokens(Walk& walk);

}  // namespace kvdiff
