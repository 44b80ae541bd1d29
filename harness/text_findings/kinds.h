#pragma once
#include <optional>
#include <string>
#include <vector>

#include "harness/text_findings/gibberish.h"
#include "harness/text_findings/labelling.h"

// The kinds of gibberish, one function each: what it finds first in a text, or nothing.
namespace kvdiff {

// What scripts and languages are expected in: the prompt, and the reference's text.
struct Expected {
  std::string_view prompt;
  std::string reference;
};

std::optional<GibberishFinding> find_empty(const GeneratedText& text);
std::optional<GibberishFinding> find_invalid_utf8(const GeneratedText& text);
std::optional<GibberishFinding> find_loop(const GeneratedText& text, const GibberishRules& rules);
std::optional<GibberishFinding> find_repetition(const GeneratedText& text, const GibberishRules& rules);
// Of a scored text, by the labels of its tokens. `reference_nll`: of the reference's own text; empty: not scored.
std::optional<GibberishFinding> find_repetition(const GeneratedText& text, const std::vector<LabelledStretch>& stretches,
                                                const GibberishRules& rules);
std::optional<GibberishFinding> find_salad(const GeneratedText& text, const std::vector<LabelledStretch>& stretches,
                                           std::span<const double> reference_nll, const GibberishRules& rules);
std::optional<GibberishFinding> find_language_mix(const GeneratedText& text, const Expected& expected);

// Tokens and text.
inline int64_t count(const GeneratedText& text) { return static_cast<int64_t>(text.tokens.size()); }
std::string joined(const GeneratedText& text, int64_t first, int64_t end);
bool begins_sentence(const GeneratedText& text, int64_t token);  // behind a line break, a full stop, ! or ?
bool has_letter_or_digit(std::string_view bytes);  // ASCII ones, or anything beyond ASCII

}  // namespace kvdiff
