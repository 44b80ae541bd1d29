#pragma once
#include <vector>

#include "harness/run/control_checks.h"
#include "harness/run/prefill.h"

namespace kvdiff {

// One lockstep pass: row i of the batch belongs to rows[i]. rows[0] is the reference while it goes on; the others follow
// it in time, so that its tensors are there to be compared with. Local streams have no row.
struct PassStreams {
  std::vector<Stream*> rows, local;
  bool reference_active = true;
  bool observe_forced = true;
  LaneId control = -1;
  int64_t step = 0;
};

class DecodeSite final : public AttentionSite {
 public:
  DecodeSite(Engine& engine, const PassStreams& streams, Observer* observer, ControlChecks& checks);

  void attend(int layer, const LayerRows& rows, std::span<float> out) override;
  void hidden(int layer, std::span<const float> rows) override;

 private:
  struct Row {  // one row's projections, and where its attention output goes
    std::span<const float> query, key, value;
    std::span<float> out;
  };
  Row row_of(const LayerRows& rows, std::span<float> out, size_t index) const;
  void follow(Stream& stream, int layer, const Row& row, size_t worker);
  void attend_row(Stream& stream, int layer, const Row& row, const KvPages& pages, AttentionMap& map, size_t worker);
  bool observed(const Stream& stream) const;
  void observe_row(Stream& stream, int layer, const Row& row, const KvPages& pages, const AttentionMap& map);
  void observe_history(Stream& stream, int layer, const KvPages& pages, Side side);
  void observe(const Stream& stream, int layer, Stage stage, int64_t rows, std::span<const float> reference,
               std::span<const float> candidate);
  void check_control(int layer, const Row& row);

  Engine& engine_;
  const PassStreams& streams_;
  Observer* observer_;
  const ModelShape& shape_;
  AttentionMap reference_map_;
  KvPages reference_pages_;
  Row reference_{};
  ControlChecks& checks_;  // asked by the control's own task only
};

}  // namespace kvdiff
