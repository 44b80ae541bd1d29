#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kvdiff {

// A stretch of a text, in bytes.
struct TextMatch {
  size_t begin = 0;
  size_t end = 0;
  bool is_match = false;
};

// A regular expression with the meaning that it has in the `tokenizers` package (translate_oniguruma).
// PCRE2 sees no Unicode at all: the code points are sorted into the (at most 256) classes that the pattern can tell
// apart, and both pattern and text are rewritten into one byte per character. So Unicode's meaning is that of our
// tables, whatever PCRE2's version, and look-ups are bitmaps of 256 bits.
class SplitRegex {
 public:
  explicit SplitRegex(std::string_view pattern);  // throws UserError(ExitCode::input)
  ~SplitRegex();
  SplitRegex(SplitRegex&&) noexcept;
  SplitRegex& operator=(SplitRegex&&) noexcept;

  // Matches and what lies between them, in order and without holes; text is valid UTF-8.
  // Empty matches appear as in Oniguruma's bindings: never directly behind the match before.
  // Throws UserError(ExitCode::input) when the search takes too many steps.
  std::vector<TextMatch> find(std::string_view text) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace kvdiff
