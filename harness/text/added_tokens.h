#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/text/bpe.h"
#include "harness/text/normalizer.h"
#include "harness/text/text_piece.h"

namespace kvdiff {

// A token that is cut out of the text before the model sees it.
struct AddedToken {
  std::string content;
  bool single_word = false;  // only where no word character stands beside it
  bool lstrip = false;       // takes the white space on its left with it
  bool rstrip = false;
  bool normalized = false;  // looked for in the normalized text, in its own normalized form
  bool special = false;     // may be skipped in decoding
  std::string pattern;      // what is looked for
};

// Finds the leftmost, then longest, of a set of texts.
class LiteralTrie {
 public:
  void add(std::string_view text, int32_t value);  // not empty
  struct Hit {
    size_t length = 0;  // 0: nothing starts here
    int32_t value = -1;
  };
  Hit longest_at(std::string_view text, size_t offset) const;

 private:
  struct Node {
    std::map<char, size_t> next;
    int32_t value = -1;
  };
  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<bool, 256> first_{};  // bytes that some text begins with
};

struct AddedTokens {
  std::map<int32_t, AddedToken> by_id;
  std::map<std::string, int32_t, std::less<>> ids;
  std::set<std::string, std::less<>> special_contents;
  LiteralTrie raw;         // looked for in the text as given
  LiteralTrie normalized;  // looked for after normalization
};

// Reads the "added_tokens" of a tokenizer.json. Throws UserError(ExitCode::input) that lists what is wrong: ids that
// repeat, leave holes or contradict the model's, the same content twice, an empty content, two that look the same once
// normalized.
AddedTokens read_added_tokens(const nlohmann::json& value, const BpeModel& model, const Normalizer& normalize);

// The text, cut at added tokens and normalized between them.
std::vector<TextPiece> extract_and_normalize(const AddedTokens& tokens, const Normalizer& normalize,
                                             std::string_view text);

}  // namespace kvdiff
