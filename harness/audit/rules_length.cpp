#include <fmt/format.h>

#include <algorithm>

#include "harness/audit/evidence.h"

namespace kvdiff {
namespace {

bool all_zero(const std::vector<float>& values, size_t first, int64_t count) {
  return std::all_of(values.begin() + static_cast<std::ptrdiff_t>(first), values.begin() + static_cast<std::ptrdiff_t>(first) + count,
                     [](float x) { return x == 0; });
}

// Are the tokens behind the text all zeros, in every head?
bool zeros_behind(const Evidence& evidence) {
  for (int64_t head = 0; head < evidence.shape.heads; ++head) {
    const auto behind = static_cast<size_t>((head * evidence.found_tokens + evidence.tokens) * evidence.size());
    if (!all_zero(evidence.found, behind, (evidence.found_tokens - evidence.tokens) * evidence.size())) return false;
  }
  return true;
}

// Rows of zeros where something should stand; none where other rows differ, too.
std::optional<std::pair<int64_t, int64_t>> zero_rows(const Evidence& evidence) {
  int64_t first = evidence.tokens, last = -1, zeros = 0;
  evidence.each_changed([&](int64_t head, int64_t token) {
    if (!all_zero(evidence.found, evidence.at(head, token), evidence.size())) return;
    ++zeros;
    first = std::min(first, token);
    last = std::max(last, token);
  });
  if (zeros == 0 || zeros < evidence.changed_rows()) return std::nullopt;
  return std::pair(first, last);
}

}  // namespace

std::optional<Guess> rule_length(const Evidence& evidence) {
  if (evidence.found_tokens < evidence.tokens)
    return Guess{cause::length, fmt::format("attention reads {} tokens where {} are held", evidence.found_tokens, evidence.tokens), 1};
  if (evidence.found_tokens > evidence.tokens) {
    const std::string text = fmt::format("attention reads {} tokens where {} are held", evidence.found_tokens, evidence.tokens);
    if (zeros_behind(evidence)) return Guess{cause::padding, text + ", zeros behind the text", 1};
    return Guess{cause::state, text + "; those too many were never appended", 1};
  }
  const int64_t expected = evidence.prompt + evidence.update;
  if (evidence.told_length == expected) return std::nullopt;
  return Guess{cause::length, fmt::format("it tells a length of {} where {} tokens were appended", evidence.told_length, expected), 1};
}

std::optional<Guess> rule_lost_rows(const Evidence& evidence) {
  if (evidence.found_tokens != evidence.tokens) return std::nullopt;
  const auto rows = zero_rows(evidence);
  if (!rows) return std::nullopt;
  const bool in_front = rows->first == 0;
  return Guess{in_front ? cause::padding : cause::state,
               fmt::format("tokens {} to {} are read as zeros{}", rows->first, rows->second,
                           in_front ? ", as padding in front of a text" : ": they were lost, or never written"), 1};
}

}  // namespace kvdiff
