#pragma once
#include <string>

#include "harness/text/json_reader.h"
#include "harness/text/text_piece.h"

namespace kvdiff {

// SentencePiece's way with spaces: each becomes a visible mark, and a word may get one in front.
struct Metaspace {
  enum class Prepend { always, first, never };
  std::string replacement;  // one character
  Prepend prepend = Prepend::always;
  bool split = true;
};

// Pre-tokenizer and decoder are written with the same fields, in an old spelling (add_prefix_space) and a new one.
Metaspace read_metaspace(JsonReader& fields);

void apply_metaspace(const Metaspace& metaspace, TextPiece& piece);

}  // namespace kvdiff
