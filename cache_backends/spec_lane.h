#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cache_backends/cache_spec.h"
#include "cache_backends/codec.h"

namespace kvdiff {

// schedule, residual, prefill: what a spec may say on any of its sides and means for the whole lane.
const std::vector<SpecKey>& lane_keys();

// The lane's keys as they were met; two different values of one key are an error.
struct LaneText {
  std::map<std::string, std::string, std::less<>> given;
  // False if the key is none of the lane's. Throws UserError(usage) for a bad or a second, different value.
  bool take(std::string_view key, std::string_view value);
};

// What was given, else the defaults: the schedule of the codec's peer, and that schedule's residual. The first body
// decides; overrides only where it is full precision on both sides. Where keys and values have peers of different
// schedules it is the first of hf, streaming, immediate, because hf is defined for every codec.
LaneSpec decide_lane(const CacheSpec& spec, const LaneText& text);
std::string default_schedule(const CacheSpec& spec);

// Throws UserError(usage) for a schedule that the codecs cannot follow, or a lane key that means nothing here.
void check_lane(const CacheSpec& spec, const LaneText& text);

// A side and its lane as text, every key written out, some of them told otherwise ("": that key is left out): not checked.
std::string respelled(const SideSpec& side, const LaneSpec& lane, const std::map<std::string, std::string>& otherwise);

// `schedule=...,residual=...,prefill=...`, defaults left out.
std::string canonical_lane(const CacheSpec& spec);

}  // namespace kvdiff
