#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "harness/text/code_point_set.h"

namespace kvdiff {

// A place in a pattern (valid UTF-8).
class PatternReader {
 public:
  explicit PatternReader(std::string_view pattern) : pattern_(pattern) {}
  bool done() const { return offset_ >= pattern_.size(); }
  char peek() const { return pattern_[offset_]; }
  bool starts_with(std::string_view text) const { return rest(text.size()) == text; }
  bool take(std::string_view text);  // skips the text where it stands here
  char32_t next();                   // one code point; refuses the end of the pattern
  void skip(size_t bytes) { offset_ += bytes; }
  std::string_view rest(size_t bytes) const {
    return pattern_.substr(offset_ < pattern_.size() ? offset_ : pattern_.size(), bytes);
  }

  // Throws UserError(ExitCode::input): pattern, what in it is not supported, and where.
  [[noreturn]] void refuse(std::string_view what) const;

 private:
  std::string_view pattern_;
  size_t offset_ = 0;
};

struct EscapedItem {
  CodePointSet set;
  bool is_set = false;  // false: one literal code point
};

// At a backslash: \d \p{..} \n \x41 and their like. Inside a character class, \w has six members fewer.
EscapedItem read_escape(PatternReader& reader, bool in_class);

// At "[": a whole character class. Without regard to case, only ASCII may stand in it.
CodePointSet read_character_class(PatternReader& reader, bool caseless);

// The set and what its members match without regard to case; refuses what is not ASCII.
CodePointSet caseless_set(const PatternReader& reader, const CodePointSet& set);

struct Interval {
  std::string text;
  int from = 0;
  int to = 0;
  bool open = false;   // {n,}
  bool exact = false;  // {n}
};

// At "{": the interval that stands here, if it is one; the reader is not moved.
std::optional<Interval> read_interval(const PatternReader& reader);

}  // namespace kvdiff
