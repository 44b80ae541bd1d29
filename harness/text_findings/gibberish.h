#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "harness/text_findings/labelling_weights.h"

namespace kvdiff {

// Finds text that is stuck (loop, repetition, one token for ever), word salad, a change of script or language, bytes that
// are no UTF-8, nothing at all. What each word means: tests/harness/text_findings/corpus/README.md; how often it is right
// on labelled texts: ./x gibberish.
// It does NOT find: fluent nonsense, wrong facts, text that breaks off; languages of one script but those of languages.cpp;
// loops of fewer turns than the rules below ask for; repetition that the text gets out of again; salad where no
// log-probabilities are given, or of fewer tokens than the rules ask for. "none" says that none of the kinds below was found,
// not that the text reads well.
enum class GibberishKind { none, loop, repetition, stuck_token, word_salad, language_mix, invalid_utf8, empty };
std::string_view name_of(GibberishKind kind);

// One lane's generated text. pieces[i]: the bytes that token i adds (they may split a UTF-8 sequence); as many as tokens.
struct GeneratedText {
  std::span<const int32_t> tokens;
  std::span<const std::string> pieces;
  bool ended = false;  // the model ended it by itself (its end token may or may not be among the tokens)
  // -ln p of each token by the reference, nats (harness/run/text_scores.h); empty, not all finite or fewer than 8: not scored.
  std::span<const double> nll = {};
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

constexpr size_t salad_feature_count = 18;  // salad_features.h

// Where the lines are drawn; each keeps a kind of sound text out.
struct GibberishRules {
  // A loop repeats the same tokens exactly. It must fill `loop_tokens` and turn `loop_turns` times, up to the end of the
  // text; twice that if the turn has no letter or digit (rulers, blank table rows, closing brackets), and half as much again
  // if the model got out of it and went on, or ended the text by itself (a song may close with its refrain).
  // One token at the end of a text that goes on is stuck from 12 times and 48 bytes on, whatever it says: "!!!!" may be one.
  int64_t loop_tokens = 24;
  int64_t loop_turns = 4;
  // Scored texts: what the tokens are labelled as (labelling.h), by weights fitted to the labelled texts (./x gibberish --fit).
  // Salad: a stretch of so many tokens; fewer are a slip, or a part of the loop behind them. Repetition: a stretch from which
  // on so many tokens remain, and this share of them is labelled stuck. A loop that fills `loop_share` of it is what a reader sees.
  LabellingWeights labelling = labelling_weights();
  int64_t salad_tokens = 16;
  int64_t stuck_tokens = 36;
  double stuck_share = 0.7;
  double loop_share = 0.8;
  // What speaks for salad token by token, log-odds (salad_features.h): the labels build on it. A logistic regression.
  double salad_intercept = -7.72;
  std::array<double, salad_feature_count> salad_weights = {1.50, -1.81, 1.53, -3.10, 3.19, 2.10, 3.26, 1.19, 0.31,
                                                         1.18, 0.83, 0.06, 0.73, -1.83, 2.13, 5.05, -0.74, 0.65};
  // Repetition in texts that are not scored: of at least `repetition_tokens` up to the end nearly all was said before, each new
  // order taken for `order_cost` tokens and each piece of news for `news_cost`: what is left must be this share of the tokens. A
  // list has a piece of news in eight tokens or so. A third as many tokens again if the model ended the text by itself. Of any
  // text: a digit counts as any other digit (running numbers), unless more than `digit_share` of the tokens are digits: data
  // may well come in a new order.
  int64_t repetition_tokens = 50;
  double repetition_share = 0.4;
  double order_cost = 1, news_cost = 16;
  double data_order_cost = 6, data_news_cost = 20, digit_share = 0.36;
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
