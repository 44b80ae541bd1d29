#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cache_backends/faults/planted_fault.h"

namespace kvdiff::scorecard {

// One diagnosis whose answer is known beforehand.
struct Planted {
  int number = 0;
  std::string model;          // "tiny", or "smollm2"
  uint64_t model_seed = 1;    // of a tiny one
  std::string prompt;
  std::string spec;
  const PlantedFault* fault = nullptr;  // null: nothing is wrong
  FaultPlace place;
  std::string outlier_cause;  // a tiny model whose own keys are the cause: what should be named
  int wrapping = 0;           // of a clean one: 0 as it is, 1 a fork of a fork, 2 its pages cut into single tokens
  bool clean() const { return !fault && outlier_cause.empty(); }
};

struct Draw {
  uint64_t seed = 1;
  int planted_tiny = 300, planted_smollm2 = 100, clean_tiny = 150, clean_smollm2 = 50;
};

// A seed gives the same cases on every machine. Each fault of the table comes as often as any other, at a drawn place, with
// a strength drawn log-uniformly from its own range.
std::vector<Planted> draw_cases(const Draw& draw);

// What every case shares: layers, heads and updates that a fault may be drawn for.
CacheShape shape_of(const Planted& one);
const std::vector<std::string>& healthy_specs();

}  // namespace kvdiff::scorecard
