#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "harness/metrics/device_rows.h"
#include "harness/metrics/host_rows.h"
#include "harness/metrics/measurements.h"

namespace kvdiff {

// The accumulators of one (lane, mode). One thread at a time.
class LaneRecorder {
 public:
  // reference is shared with other lanes and outlives this.
  LaneRecorder(Mode mode, int layers, int64_t expected_steps, ReferenceSoftmax& reference);

  // What lies on a device may be measured later, but is in measured().
  void on(const Observation& observation);
  ModeMeasurements& measured();

 private:
  // Sums of the rows of one observation, with what has to be known where heads are joined.
  struct Joined {
    double reference_squared = 0, difference_squared = 0, attention_sum = 0, max_abs = 0;
    int64_t compared = 0;
    int32_t attention_rows = 0;
  };

  void measure(const Observation& observation, RowSource& rows);
  void measure_batch();
  StageMeasurements& prepare(const Observation& observation);
  Joined add_rows(const Observation& observation, RowSource& rows, StageMeasurements& stage);
  void add_vocabulary(const Observation& observation, RowSource& rows, bool finite);
  void note_not_finite(const Observation& observation, RowSource& rows, int head, const RowResult& row);
  void add_to_step(const Observation& observation, const Joined& joined, StageMeasurements& stage);
  void add_to_heat_map(const Observation& observation, const Joined& joined);
  void add_history(const Observation& observation, const Joined& joined);

  int layers_;
  int64_t expected_steps_;
  ModeMeasurements measured_;
  HostRows host_;
  DeviceRows device_;
};

}  // namespace kvdiff
