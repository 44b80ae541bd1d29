#pragma once
#include <chrono>
#include <string>

#include "harness/run/lockstep.h"

namespace kvdiff {

// "decode 131/256, 13 lanes, 21.4 tokens/s, 0:58 left". `seconds`: since this phase began at step `first`.
std::string progress_line(const Progress& progress, int64_t first, double seconds);

// One line on the terminal that standard error is, drawn over again at most ten times a second; nothing where standard
// error is no terminal.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const Progress& progress);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool active_;
  std::string phase_;
  int64_t first_ = 0;
  Clock::time_point began_, drawn_;
  size_t width_ = 0;
};

}  // namespace kvdiff
