#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kvdiff {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

using TokenMap = std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>>;

// Ids beyond this are refused before anything is made that big.
constexpr int64_t largest_token_id = (int64_t{1} << 24) - 1;

// Pairs of tokens that merge: rank (lower merges first) and the token that they become. Open addressing.
class MergeMap {
 public:
  struct Merge {
    uint32_t rank = 0;
    int32_t token = -1;
  };
  explicit MergeMap(size_t merges = 0);
  void insert(int32_t left, int32_t right, Merge merge);  // the last one of a pair counts
  const Merge* find(int32_t left, int32_t right) const;

 private:
  struct Slot {
    uint64_t key = empty;
    Merge merge;
  };
  static constexpr uint64_t empty = ~uint64_t{0};
  static uint64_t key_of(int32_t left, int32_t right);
  size_t slot_of(uint64_t key) const;

  std::vector<Slot> slots_;
};

}  // namespace kvdiff
