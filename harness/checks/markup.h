#pragma once
#include <string_view>

#include "harness/text/chat_format.h"

namespace kvdiff {

// How a family of chat formats marks a turn.
struct Markup {
  std::string_view name;
  std::string_view opens;   // stands in every rendered conversation
  std::string_view closes;  // ends a turn; "": the end-of-sequence token does
  bool one_token;           // both are tokens of their own in every tokenizer that was made for them
};

// Null where none is known.
const Markup* markup_of(const ChatFormat& format);
const Markup* markup_in(std::string_view text);  // whose opening mark stands first in it

}  // namespace kvdiff
