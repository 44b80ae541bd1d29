#pragma once
#include <span>
#include <vector>

#include "cache_backends/device/array.h"
#include "cache_backends/device/kernels/row_figures.h"
#include "harness/metrics/row_source.h"

namespace kvdiff {

// Rows in the memory of a device. Its kernels make all figures of an observation when it is started, and nobody waits for them:
// figures of many observations, a batch, are brought over by one copy, which is under way while the next batch is made. Then they
// are asked for one observation after another.
class DeviceRows final : public RowSource {
 public:
  // Is there room for the figures of one more? If not, turn() first.
  bool has_room(const Observation& observation) const;
  // The spans of the observation may be written to as soon as this returns: the device keeps to the order of what it is asked.
  void start(const Observation& observation);
  // Lets what was started since the last turn() come over, and hands out what came over since then, in the order in which it was
  // started: the observations of the turn before. Their spans are not to be followed. Twice turn() is all there is.
  std::vector<Observation> turn();

  void take(const Observation& observation) override;  // one of the last turn()
  RowResult measure(int row) override;
  int64_t index_of_max_abs(int row, double max_abs) override;
  Values at(int row, int64_t index) override;
  double attention_kl(int row) override;
  VocabularyStep vocabulary() override;

 private:
  // Where the figures of an observation lie, in words.
  struct Place {
    int64_t pairs, softmax, vocabulary, end;
  };
  static Place place_at(int64_t first, const Observation& observation);
  template <class Figures>
  Figures figures(int64_t first, int64_t index) const;
  device::PairFigures pair(int row) const;

  device::Array<uint64_t> on_device_;
  int64_t used_ = 0;                    // words
  std::vector<Observation> started_;
  std::vector<Observation> coming_;
  device::Reading<uint64_t> coming_words_;
  device::Reading<uint64_t> here_;      // owns words_
  std::span<const uint64_t> words_;     // of the last turn()
  const Observation* observation_ = nullptr;  // taken last
  Place place_{};                       // of it
  int64_t next_ = 0;                    // where the figures of the next one to be taken begin
};

}  // namespace kvdiff
