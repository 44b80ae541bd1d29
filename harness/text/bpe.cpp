#include "harness/text/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>

#include "cache_backends/error.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

struct Symbol {
  int32_t token;
  int32_t previous;  // -1: none
  int32_t next;
  bool merged_away = false;
};

class Word {
 public:
  void add(int32_t token) {
    const auto at = static_cast<int32_t>(symbols_.size());
    if (at > 0) symbols_.back().next = at;
    symbols_.push_back({token, at - 1, -1});
  }

  void merge_all(const MergeMap& merges) {
    for (size_t i = 0; i + 1 < symbols_.size(); ++i) propose(merges, static_cast<int32_t>(i));
    while (!candidates_.empty()) {
      const Candidate best = candidates_.top();
      candidates_.pop();
      if (still_valid(merges, best)) merge(merges, best);
    }
  }

  void append_to(std::vector<int32_t>& ids) const {
    for (const auto& symbol : symbols_) {
      if (!symbol.merged_away) ids.push_back(symbol.token);
    }
  }

 private:
  struct Candidate {
    uint32_t rank;
    int32_t position;  // of the left symbol
    int32_t token;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };

  Symbol& at(int32_t position) { return symbols_[static_cast<size_t>(position)]; }

  void propose(const MergeMap& merges, int32_t left) {
    const int32_t right = at(left).next;
    if (right < 0) return;
    if (const auto* merge = merges.find(at(left).token, at(right).token)) {
      candidates_.push({merge->rank, left, merge->token});
    }
  }

  // The pair may have changed since it was proposed. As in the peer, any pair that makes the same token will do.
  bool still_valid(const MergeMap& merges, const Candidate& candidate) {
    const Symbol& left = at(candidate.position);
    if (left.merged_away || left.next < 0) return false;
    const auto* merge = merges.find(left.token, at(left.next).token);
    return merge != nullptr && merge->token == candidate.token;
  }

  void merge(const MergeMap& merges, const Candidate& candidate) {
    Symbol& left = at(candidate.position);
    Symbol& right = at(left.next);
    left.token = candidate.token;
    left.next = right.next;
    right.merged_away = true;
    if (left.next >= 0) at(left.next).previous = candidate.position;
    if (left.previous >= 0) propose(merges, left.previous);
    propose(merges, candidate.position);
  }

  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates_;
};

int32_t unknown_id(const BpeModel& model, std::string_view character) {
  const auto found = model.vocabulary.find(*model.unknown_token);
  if (found != model.vocabulary.end()) return found->second;
  throw UserError(ExitCode::input,
                  fmt::format("tokenizer.json: the text holds \"{}\", for which there is no token, and the "
                              "unk_token \"{}\" is not in the vocabulary either. Give the prompt as token ids.",
                              character, *model.unknown_token));
}

bool add_as_bytes(const BpeModel& model, std::string_view character, Word& word) {
  for (const char c : character) {
    if (model.byte_tokens[static_cast<uint8_t>(c)] < 0) return false;
  }
  for (const char c : character) word.add(model.byte_tokens[static_cast<uint8_t>(c)]);
  return true;
}

// A pending unknown token is added when a known character follows; bytes overtake it, as in the peer.
void add_characters(const BpeModel& model, std::string_view text, Word& word) {
  int32_t pending_unknown = -1;
  std::string decorated;
  for (size_t offset = 0; offset < text.size();) {
    const size_t length = decode_valid_utf8(text, offset).length;
    std::string_view character = text.substr(offset, length);
    const bool first = offset == 0, last = offset + length == text.size();
    if ((!first && !model.continuing_prefix.empty()) || (last && !model.end_suffix.empty())) {
      decorated = (first ? "" : model.continuing_prefix) + std::string(character) + (last ? model.end_suffix : "");
      character = decorated;
    }
    offset += length;
    if (const auto found = model.vocabulary.find(character); found != model.vocabulary.end()) {
      if (pending_unknown >= 0) word.add(pending_unknown);
      pending_unknown = -1;
      word.add(found->second);
    } else if (!(model.byte_fallback && add_as_bytes(model, character, word)) && model.unknown_token) {
      if (pending_unknown >= 0 && !model.fuse_unknown) word.add(pending_unknown);
      pending_unknown = unknown_id(model, character);
    }
  }
  if (pending_unknown >= 0) word.add(pending_unknown);
}

}  // namespace

void encode_word(const BpeModel& model, std::string_view text, std::vector<int32_t>& ids) {
  if (model.ignore_merges) {
    if (const auto found = model.vocabulary.find(text); found != model.vocabulary.end()) {
      ids.push_back(found->second);
      return;
    }
  }
  Word word;
  add_characters(model, text, word);
  word.merge_all(model.merges);
  word.append_to(ids);
}

}  // namespace kvdiff
