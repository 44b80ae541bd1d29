#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kvdiff {

// A first, honest form. It finds text that is stuck: loops, repetition, one token for ever; bytes that are no UTF-8; nothing at all.
// It does NOT find: word salad, fluent nonsense, a change of language or script, wrong facts, text that breaks off;
// loops of fewer turns than the rules below ask for, or whose turns count up ("Step 7: ... Step 8: ...");
// repetition that the text gets out of again. "none" says that none of the kinds below was found, not that the text reads well.
enum class GibberishKind { none, loop, repetition, stuck_token, invalid_utf8, empty };
std::string_view name_of(GibberishKind kind);

// One lane's generated text. pieces[i]: the bytes that token i adds (they may split a UTF-8 sequence); as many as tokens.
struct GeneratedText {
  std::span<const int32_t> tokens;
  std::span<const std::string> pieces;
  bool ended = false;  // the model ended it by itself (its end token may or may not be among the tokens)
};

struct GibberishFinding {
  GibberishKind kind = GibberishKind::none;
  int64_t onset = -1;          // first token of the stretch; -1 where kind is none
  int64_t period = 0;          // loop, stuck_token: tokens in one turn
  std::string period_text;     // one turn of the loop, raw bytes
  int64_t turns = 0;           // loop, stuck_token: complete turns from the onset
  bool reference_too = false;  // the reference does the same, no later: kind is none then, the cache is not to blame
  std::string evidence;        // one sentence with the figures it was decided on; empty for a plain none
};

// Where the lines are drawn; each keeps a kind of sound text out (tests/harness/text_findings/gibberish.cpp has them all).
struct GibberishRules {
  // A loop repeats the same tokens exactly. It must fill `loop_tokens` and turn `loop_turns` times, up to the end of the
  // text; twice that if the turn has no letter or digit (rulers, blank table rows, closing brackets), and twice that if the
  // model got out of it and went on, or ended the text by itself (a song may close with its refrain).
  int64_t loop_tokens = 24;
  int64_t loop_turns = 4;
  // Repetition: from the onset to the end, at least `repetition_tokens`, this share of the tokens ends a run of four that
  // stood in the 256 tokens before. Prose has below 0.1, lists, tables and code up to 0.6, a chorus 1 for its own length.
  int64_t repetition_tokens = 96;
  double repetition_share = 0.8;
  // How much later than the candidate the reference may begin with the same and still excuse it.
  int64_t reference_slack = 32;
};

// On one text alone. The kind that sets in first is given. Throws InternalError if tokens and pieces differ in number.
GibberishFinding find_gibberish(const GeneratedText& text, const GibberishRules& rules = {});

// Relative to the reference: what it does, too, and no later, is not held against the candidate. Loop, stuck token and
// repetition count as the same here; the texts need not be equal.
GibberishFinding detect_gibberish(const GeneratedText& reference, const GeneratedText& candidate,
                                  const GibberishRules& rules = {});

}  // namespace kvdiff
