#pragma once
#include <vector>

#include "harness/diagnose/diagnosis.h"

namespace kvdiff {

// The four questions that every diagnosis answers, from what is in it already: lanes, handling, remedies, finding.
std::vector<QuestionAnswer> four_questions(const Diagnosis& diagnosis);

// One sentence: place, cause and cure, or why there is none.
std::string headline_of(const Diagnosis& diagnosis);

// "layer 0 keys; layer 3 values", at most `most` of them.
std::string text_of(const Parts& parts, size_t most);
std::string percent_of(double share);  // "96 %"
// "; exempting nothing but the first token, on all sides, recovers 72 %": where the first tokens are half of it. "" elsewhere.
std::string tokens_text(const Diagnosis& diagnosis);

}  // namespace kvdiff
