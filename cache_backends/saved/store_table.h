#pragma once
#include <memory>
#include <vector>

#include "cache_backends/encoded_store.h"
#include "cache_backends/saved/archive.h"
#include "cache_backends/token_run.h"

namespace kvdiff {

// The stores that the runs of one side point into, each written once; of a store only what a run shows, but blocks whole.
class StoreTable {
 public:
  void add(const TokenRun& run);
  // Units go on behind `end` of it. A tail of which another cache has taken the room is no tail.
  void add_tail(const std::shared_ptr<const UnitStore>& tail, int64_t end);
  void save(ArchiveWriter& out) const;
  void save(ArchiveWriter& out, const TokenRun& run) const;  // its segments

 private:
  struct Entry {
    std::shared_ptr<const TokenStore> store;
    int64_t low = 0, high = 0;  // tokens that are shown
  };
  Entry& entry(const std::shared_ptr<const TokenStore>& store, int64_t low);
  size_t index(const std::shared_ptr<const TokenStore>& store) const;
  std::vector<Entry> entries_;
  std::shared_ptr<const UnitStore> tail_;
  int64_t tail_end_ = 0;
};

// What saved stores have to be like.
struct StoreForm {
  BlockShape row;                      // [B, H, 1, D]
  Dtype compute = Dtype::float16, stored = Dtype::float16;
  std::shared_ptr<const Codec> codec;  // null: nothing is encoded
};

// The same table read back. Throws UserError(input) for what no cache of this form writes.
class RestoredStores {
 public:
  RestoredStores(ArchiveReader& in, const StoreForm& form);
  TokenRun run(ArchiveReader& in, bool quantized) const;
  const std::shared_ptr<UnitStore>& tail() const { return tail_; }  // null: none
  int64_t tail_end() const { return tail_end_; }

 private:
  struct Entry {
    std::shared_ptr<const TokenStore> store;
    int64_t tokens = 0;
  };
  Entry full_precision(ArchiveReader& in) const;
  Entry block(ArchiveReader& in) const;
  Entry units(ArchiveReader& in);
  void check_sizes(const EncodedView& encoded) const;

  StoreForm form_;
  std::vector<Entry> entries_;
  std::shared_ptr<UnitStore> tail_;
  int64_t tail_end_ = 0;
};

inline constexpr int64_t most_unit_room = 512;  // tokens that a store of units has room for

}  // namespace kvdiff
