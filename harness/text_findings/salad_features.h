#pragma once
#include <array>
#include <vector>

#include "harness/text_findings/gibberish.h"

// What speaks for salad, token by token. A token has one of seven forms, and the same surprise says something else of each:
// a full stop, a line break or an everyday word that nobody expected means more than the middle of a rare name.
namespace kvdiff {

constexpr double largest_nll = 12;  // nats: what is more surprising says no more

// In this order: is it of form f (f = 1..6: punctuation, digit, everyday word, rarer word, beginning of a word of several
// tokens, its rest; 0 is a blank), its nll if it is of form f (f = 0..6), nll below 1, nll above 5, stood among the 32
// tokens before, begins an English function word, its nll if it does.
using SaladFeatures = std::array<double, salad_feature_count>;

// One row per token; `text` must be scored.
std::vector<SaladFeatures> salad_features(const GeneratedText& text);

// Which tokens speak for salad or against it: all but those that are the same as the token before. (The reference does not
// foresee how many line breaks will follow one another.)
std::vector<bool> salad_counts(const GeneratedText& text);

// Log-odds that a stretch is salad to which every token is like this one, by the rules' weights: their mean over a stretch
// is its log-odds.
std::vector<double> salad_scores(const GeneratedText& text, const GibberishRules& rules);

}  // namespace kvdiff
