#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace kvdiff {

constexpr char32_t code_point_end = 0x110000;

struct CodePointRange {
  char32_t first;
  char32_t last;  // included
  bool operator==(const CodePointRange&) const = default;
};

// A set of code points: sorted, disjoint, not adjoining ranges.
struct CodePointSet {
  std::vector<CodePointRange> ranges;
  bool operator==(const CodePointSet&) const = default;
};

CodePointSet make_set(std::vector<CodePointRange> ranges);  // any order, may overlap
CodePointSet united(const CodePointSet& a, const CodePointSet& b);
CodePointSet complement(const CodePointSet& set);
bool contains(const CodePointSet& set, char32_t code_point);

// By the names of unicode_tables.h, and the one-letter categories L, M, N, P, S, Z, C and Cn made from them.
// Null for a name that is not in the tables.
const CodePointSet* find_unicode_class(std::string_view name);

// Membership in constant time, for classes that are asked per character.
class CodePointBitmap {
 public:
  explicit CodePointBitmap(const CodePointSet& set);
  bool contains(char32_t code_point) const { return (words_[code_point >> 6] >> (code_point & 63)) & 1; }

 private:
  std::vector<uint64_t> words_;
};

// The bitmap of a class of unicode_tables.h, built once. A name that is not there is an InternalError.
const CodePointBitmap& unicode_class_bitmap(std::string_view name);

}  // namespace kvdiff
