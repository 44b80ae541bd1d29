#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kvdiff {

// Finds text that is stuck (loop, repetition, one token for ever), word salad, a change of script or language, bytes that
// are no UTF-8, nothing at all. What each word means: tests/harness/text_findings/corpus/README.md; how often it is right
// on labelled texts: ./x gibberish.
// It does NOT find: fluent nonsense, wrong facts, text that breaks off; languages of one script but those of languages.cpp;
// loops of fewer turns than the rules below ask for; repetition that the text gets out of again; salad where no
// log-probabilities are given. "none" says that none of the kinds below was found, not that the text reads well.
enum class GibberishKind { none, loop, repetition, stuck_token, word_salad, language_mix, invalid_utf8, empty };
std::string_view name_of(GibberishKind kind);

// One lane's generated text. pieces[i]: the bytes that token i adds (they may split a UTF-8 sequence); as many as tokens.
struct GeneratedText {
  std::span<const int32_t> tokens;
  std::span<const std::string> pieces;
  bool ended = false;  // the model ended it by itself (its end token may or may not be among the tokens)
  std::span<const double> nll = {};  // -ln p of each token by the reference, nats (harness/run/text_scores.h); empty: not scored
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

// Where the lines are drawn; each keeps a kind of sound text out.
struct GibberishRules {
  // A loop repeats the same tokens exactly. It must fill `loop_tokens` and turn `loop_turns` times, up to the end of the
  // text; twice that if the turn has no letter or digit (rulers, blank table rows, closing brackets), and half as much again
  // if the model got out of it and went on, or ended the text by itself (a song may close with its refrain).
  // One token at the end of a text that goes on is stuck from 12 times and 48 bytes on, whatever it says: "!!!!" may be one.
  int64_t loop_tokens = 24;
  int64_t loop_turns = 4;
  // Repetition: from the onset to the end, at least `repetition_tokens`, this share of the tokens ends a run of four that
  // stood in the 256 tokens before. Prose has below 0.1, lists, tables and code up to 0.6, a chorus 1 for its own length.
  // A digit counts as any other digit (running numbers) unless more than `digit_share` of the tokens are digits (data).
  // A third as many tokens again if the model ended the text by itself.
  int64_t repetition_tokens = 48;
  double repetition_share = 0.8;
  double digit_share = 0.36;
  // A handful of words in an order that never settles is repetition, too: of `few_words_tokens` up to the end this share
  // stood among the 32 tokens before, and the reference would still have paid so many nats a token (a table of 0 and 1
  // is as poor in words, but it can be foreseen). Only where the text is scored, and is not made of digits.
  int64_t few_words_tokens = 48;
  double few_words_share = 0.9, few_words_nll = 0.8;
  // Word salad: how much of the surprise that a token is worth by its rarity is left when the reference has read what
  // stands before it (salad.cpp), over windows of 12 to 32 tokens; times a factor where the text is written in one of the
  // languages but English that are known (a small reference is surprised by sound German).
  double salad_12 = 0.72, salad_16 = 0.645, salad_24 = 0.56, salad_32 = 0.52;
  double salad_other_language = 1.22;
  // A stretch of salad shorter than `slip_tokens` is a slip; one shorter than `salad_tokens` before a loop is the loop's.
  int64_t slip_tokens = 12, salad_tokens = 16;
  // How much later than the candidate the reference may begin with the same and still excuse it.
  int64_t reference_slack = 32;
};

// On one text alone, beside its prompt (whose scripts and languages are expected ones). The kind that sets in first is
// given. Throws InternalError if tokens and pieces differ in number, or log-probabilities are given for some tokens only.
GibberishFinding find_gibberish(const GeneratedText& text, std::string_view prompt = {}, const GibberishRules& rules = {});

// Relative to the reference: what it does, too, and no later, is not held against the candidate; what sets in after that
// is. Loop, stuck token and repetition count as the same here; the texts need not be equal.
GibberishFinding detect_gibberish(const GeneratedText& reference, const GeneratedText& candidate,
                                  std::string_view prompt = {}, const GibberishRules& rules = {});

}  // namespace kvdiff
