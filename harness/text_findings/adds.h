#pragma once
#include <vector>

#include "harness/text_findings/gibberish.h"

// What a token adds to the 256 before it: it is a part of a run of four that stood there (said before); it stood there, but not
// in that run (a new order); or it did not stand there (news). A digit counts as any other digit, unless the text is data.
namespace kvdiff {

constexpr int64_t added_run = 4, added_look_back = 256;  // tokens

enum class Adds { said, order, news };

struct WhatIsAdded {
  bool data = false;  // more than rules.digit_share of the tokens are numbers
  std::vector<Adds> adds;
};
WhatIsAdded what_is_added(const GeneratedText& text, const GibberishRules& rules);

}  // namespace kvdiff
