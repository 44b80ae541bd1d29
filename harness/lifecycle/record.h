#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "harness/lifecycle/tape.h"

namespace kvdiff {

// Where a cache first is not what it should be. `what` says it in a few words, and stands alone where nothing was read:
// update -1 then.
struct Difference {
  int64_t update = -1;
  int layer = 0;
  std::string what;
  std::optional<Side> side = {};  // none: no one side's
  bool operator==(const Difference&) const = default;
};
std::string text_of(const Difference& difference);

// A cache at one moment, decoded: all layers and sides, and the lengths that it tells.
struct Snapshot {
  std::vector<std::vector<float>> key, value;
  std::vector<int64_t> lengths;
};
Snapshot snapshot(const KvCache& cache);
// `rows`: sequence i should be what sequence rows[i] of `expected` was; empty: as they lie.
std::optional<Difference> difference(const Snapshot& found, const Snapshot& expected, const CacheShape& shape,
                                     int64_t update, std::span<const int64_t> rows = {});

// The run that nothing was done to: what attention reads in each update, what is held after it, and whether it flushed.
// Pages are kept, not numbers: they never change, and share what the cache holds.
class Record {
 public:
  // `every_update`: else the last one alone.
  Record(const Tape& tape, const std::function<std::unique_ptr<KvCache>()>& make, bool every_update);

  std::optional<Difference> check_view(const KvCache& cache, int64_t update) const;
  std::optional<Difference> check_held(const KvCache& cache, int64_t update, std::span<const int64_t> rows = {}) const;
  std::optional<Difference> check_length() const { return wrong_length_; }
  bool flushed(int64_t update) const { return flushed_[static_cast<size_t>(update)]; }
  int64_t flushes() const;  // updates that flushed, the prompt aside

 private:
  struct Layer {
    KvPages pages;
    int64_t length = 0;
  };
  using Moment = std::vector<Layer>;
  static Moment moment(const KvCache& cache);
  Snapshot decoded_moment(const Moment& moment) const;
  void note_length(const KvCache& cache, int64_t update, int64_t expected);

  CacheShape shape_;
  std::map<int64_t, Moment> views_, held_;
  std::vector<bool> flushed_;
  std::optional<Difference> wrong_length_;
};

}  // namespace kvdiff
