#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cache_backends/kv_cache.h"

namespace kvdiff {

// Where a fault is, since when, and how strong. Which of these a fault has a use for is said in its row.
struct FaultPlace {
  int layer = 0;
  Side side = Side::key;
  int64_t head = -1;     // KV head; -1: all of them
  int64_t update = 1;    // from this append of the layer on; 0 is the prefill
  double strength = 1;
  bool operator==(const FaultPlace&) const = default;
};

// What a fault may need to know beyond the cache that it is planted in.
struct FaultContext {
  CacheSpec spec;                           // of the sound cache
  std::span<const float> inverse_frequencies;  // of the model's RoPE, [head_size / 2]; empty: none; must outlive the cache
};

struct BentView;

// One way in which a cache goes wrong: one row of the table, planted_faults.cpp. Exactly one of bend, respell and operation.
struct PlantedFault {
  std::string_view name;
  std::string_view cause;     // the class that a diagnosis should name: harness/audit/causes.h
  std::string_view family;    // of real failures: README.md of this folder
  std::string_view what;      // of the strength too, where it has one
  double weakest = 1, strongest = 1;  // range of the strength, drawn log-uniformly; equal: it has none
  bool both_sides = false;    // hits keys and values of the layer
  bool one_head = false;      // may be confined to one KV head
  // Changes what attention reads.
  void (*bend)(BentView& view) = nullptr;
  // The place is kept by another spec than the one that is told. "": this spec cannot be told so.
  std::string (*respell)(const SideSpec& side, const LaneSpec& lane, double strength) = nullptr;
  // Goes wrong only when it is handled.
  enum class Operation { none, fork_shares, fork_loses, reset_keeps, crop_stale, reorder_ignored, restore_loses_codes, restore_loses_window } operation = Operation::none;
  // Does it change anything in a cache like this, in principle?
  bool (*applies)(const SideSpec& side, const LaneSpec& lane, const CacheShape& shape, const FaultPlace& place) = nullptr;
};

std::span<const PlantedFault> planted_faults();
const PlantedFault& find_planted_fault(std::string_view name);  // throws UserError(usage) with the nearest name
bool applies(const PlantedFault& fault, const FaultPlace& place, const FaultContext& context, const CacheShape& shape);

// The same cache with the fault in it. Throws UserError(usage) where it does not apply to this spec, shape and place.
std::unique_ptr<KvCache> plant(const PlantedFault& fault, const FaultPlace& place, const FaultContext& context,
                               std::unique_ptr<KvCache> sound);

// "scale.factor,layer=3,side=value,head=1,update=4,strength=0.1", any of them left out.
struct FaultText {
  const PlantedFault* fault = nullptr;
  FaultPlace place;
};
FaultText parse_fault(std::string_view text);  // throws UserError(usage)
std::string text_of(const PlantedFault& fault, const FaultPlace& place);

}  // namespace kvdiff
