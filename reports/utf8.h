#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace kvdiff {

struct Utf8Character {
  char32_t value = 0;
  size_t bytes = 1;
  bool valid = false;  // false: one byte that belongs to no character
};

// The character at `at`. Overlong forms, surrogates and what lies beyond U+10FFFF are not valid.
Utf8Character utf8_at(std::string_view text, size_t at);

}  // namespace kvdiff
