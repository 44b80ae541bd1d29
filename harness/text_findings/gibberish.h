#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvdiff {

// A first, honest form. It finds text that is stuck: loops, repetition, one token for ever, bytes that are no UTF-8, nothing at all.
// It does NOT find: word salad, fluent nonsense, a change of language or script, wrong facts, text that breaks off,
// loops longer than a third of the text. "none" means that none of the kinds below was found, not that the text reads well.
enum class GibberishKind { none, loop, repetition, stuck_token, invalid_utf8, empty };
std::string_view name_of(GibberishKind kind);

// One lane's generated text. pieces[i] are the bytes that token i adds (may split a UTF-8 sequence); same length as tokens.
struct GeneratedText {
  std::span<const int32_t> tokens;
  std::span<const std::string> pieces;
  bool ended = false;  // the last token ended the text: an end is not an incomplete character
};

struct GibberishFinding {
  GibberishKind kind = GibberishKind::none;
  int64_t onset = -1;        // first token of the stretch; -1 where kind is none
  int64_t period = 0;        // loop, stuck_token: tokens in one turn
  std::string period_text;   // one turn of the loop, raw bytes
  int64_t turns = 0;         // loop, stuck_token: complete turns from the onset
  bool reference_too = false;  // the reference does the same (kind is then none: not the candidate's fault)
  std::string evidence;      // one sentence with the figures it was decided on; also for none where reference_too
};

// On one text alone.
GibberishFinding find_gibberish(const GeneratedText& text);
// Relative to the reference: what the reference does in the same way is not held against the candidate.
GibberishFinding detect_gibberish(const GeneratedText& reference, const GeneratedText& candidate);

}  // namespace kvdiff
