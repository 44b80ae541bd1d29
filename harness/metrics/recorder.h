#pragma once
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/metrics/measurements.h"
#include "harness/metrics/softmax.h"
#include "harness/observer.h"

namespace kvdiff {

class LaneRecorder;  // of one (lane, mode): harness/metrics/lane_recorder.h

// Reduces all observations online. Memory per (lane, mode) at 2,000 steps and 30 layers: about 2.2 MB.
//
// Threads: on() may be called at once for different (lane, mode), one after another for the same one, in ascending steps.
// All other functions only while nothing is being observed. The numbers do not depend on the number of threads.
// NaN and infinity are looked for before anything is summed; such pairs are counted apart and enter no sum.
struct RecorderSizes {
  int lanes = 0;      // reference and control included
  int layers = 0;
  int64_t steps = 0;  // expected; more are taken, too
};

class Recorder : public Observer {
 public:
  explicit Recorder(const RecorderSizes& sizes);
  ~Recorder() override;

  // Throws InternalError for a lane or layer outside the sizes, or spans that do not hold rows x columns values.
  void on(const Observation& observation) override;

  // Why a stage was not measured in a mode, in the words of a report ("ends at the attention output").
  void not_measured(Mode mode, Stage stage, const std::string& reason);                // all lanes
  void not_measured(LaneId lane, Mode mode, Stage stage, const std::string& reason);   // one lane; wins over the above

  // Earliest in the order (step, layer, stage, lane, mode); layer -1 (logits) comes after the layers of its step.
  std::optional<NotFinite> first_not_finite() const;
  std::optional<NotFinite> first_not_finite_reference() const;
  // What has been measured so far; null if nothing was.
  const ModeMeasurements* so_far(LaneId lane, Mode mode) const;

  // Moves out what was measured of a lane. arithmetic_floor[step], in logits: NaN or a missing entry where it was not
  // measured; near-ties are decided by it. Modes that never ran (nothing observed) are left out.
  LaneMeasurements take(LaneId lane, std::span<const double> arithmetic_floor = {});

 private:
  LaneRecorder& slot(LaneId lane, Mode mode);
  std::string reason(LaneId lane, Mode mode, Stage stage) const;
  std::optional<NotFinite> earliest(std::optional<NotFinite> ModeMeasurements::*which) const;

  static constexpr int mode_count = 3;
  RecorderSizes sizes_;
  ReferenceSoftmax reference_;
  std::vector<std::unique_ptr<LaneRecorder>> slots_;  // [lanes, modes], made by the thread that first observes one
  std::vector<std::array<std::string, stage_count>> reasons_;  // [lanes + 1, modes]; the last lane stands for all
};

}  // namespace kvdiff
