#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "harness/text/code_point_set.h"

namespace kvdiff {

// A regular expression in the syntax of Oniguruma 6.9 ("ONIG_SYNTAX_ONIGURUMA", UTF-8), which the `tokenizers` package
// uses for Split and Replace, taken apart: syntax that PCRE2 understands the same way, and sets of code points.
// `parts` in order: a string is PCRE2 syntax, an int is an index into `sets` (one character out of that set).
struct RegexTranslation {
  std::vector<std::variant<std::string, int>> parts;
  std::vector<CodePointSet> sets;
};

// What is translated: alternation; groups (...), (?:...), (?>...), (?i:...), (?i) at the start of a group; look-around;
// * + ? {n} {n,} {n,m} {,n}, lazy, and * + ? possessive; . ^ $ \A \z \Z \b \B; character classes with ranges; \p of the
// classes in unicode_tables.h; \d \s \w \h and their opposites; \x \u and single-letter escapes.
// Throws UserError(ExitCode::input) that names anything else, and everything whose meaning would differ.
RegexTranslation translate_oniguruma(std::string_view pattern);

}  // namespace kvdiff
