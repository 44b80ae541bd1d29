#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace kvdiff {

struct Walk;

// How far a recovery moves with the steps that it was measured at. It says nothing of other prompts: there is one.
struct RecoveryInterval {
  double low = 0, high = 0;   // 5 % and 95 % of the resamples
  int64_t steps = 0, block = 0, resamples = 0;
};

// Circular block bootstrap of 1 - mean(patched) / mean(candidate): as many steps again, drawn in blocks of `block`
// consecutive ones, both lanes at the same steps. Fixed seed. None below two blocks, or where a candidate's resample is 0.
// Source: Politis and Romano, A circular block-resampling procedure for stationary data (1992).
std::optional<RecoveryInterval> recovery_interval(std::span<const double> patched, std::span<const double> candidate, int64_t block = 4);

struct IntervalFinding {
  std::optional<RecoveryInterval> set;  // of the named set's recovery
  std::string reason;                   // why there is none
};

// From trials that are answered already.
void find_interval(Walk& walk);

}  // namespace kvdiff
