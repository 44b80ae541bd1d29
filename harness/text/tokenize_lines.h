#pragma once
#include <iosfwd>

#include "harness/text/tokenizer.h"

namespace kvdiff {

struct TokenizeOptions {
  bool add_special_tokens = true;    // in encoding
  bool skip_special_tokens = false;  // in decoding
};

// `kvdiff tokenize`: one JSON value per line in, one per line out. A string becomes its array of ids, an array of ids
// its text as a string; empty lines are passed over. Output is flushed line by line, so that a program can talk to it.
// Throws UserError(ExitCode::input) that names the line.
void tokenize_lines(const Tokenizer& tokenizer, std::istream& in, std::ostream& out, const TokenizeOptions& options);

}  // namespace kvdiff
