#pragma once
#include <vector>

#include "cache_backends/device/array.h"
#include "cache_backends/device/kernels/row_figures.h"
#include "harness/metrics/row_source.h"

namespace kvdiff {

// Rows in the memory of a device: its kernels make all figures of an observation when it is taken, and one copy brings them.
class DeviceRows final : public RowSource {
 public:
  void take(const Observation& observation) override;
  RowResult measure(int row) override;
  int64_t index_of_max_abs(int row, double max_abs) override;
  Values at(int row, int64_t index) override;
  double attention_kl(int row) override;
  VocabularyStep vocabulary() override;

 private:
  void start(int64_t rows, bool softmax, bool vocabulary);
  void read(int64_t rows, bool softmax, bool vocabulary);
  bool followed_is_known() const;

  const Observation* observation_ = nullptr;
  device::Array<uint64_t> figures_;  // [rows] PairFigures, [rows] SoftmaxFigures, VocabularyFigures
  std::vector<device::PairFigures> pairs_;
  std::vector<device::SoftmaxFigures> softmax_;  // of attention_logits and logits
  device::VocabularyFigures vocabulary_{};
};

}  // namespace kvdiff
