#pragma once
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "cache_backends/codec.h"
#include "cache_backends/schedules/schedule.h"  // the table of schedules

namespace kvdiff {

// One row per codec: registry.cpp. A codec is one file that defines its table of keys and its factory, and one row.
struct CodecRow {
  std::string_view name, summary, peer;  // peer: package and version that it reproduces
  std::string_view schedule;             // the default schedule: its peer's
  std::vector<SpecKey> (*keys)();
  std::unique_ptr<Codec> (*make)(const SideSpec& spec, Side side);  // null for `full`: nothing is encoded
};
std::span<const CodecRow> codecs();
// The codec's own keys, and those that any codec takes: `rotate`.
std::vector<SpecKey> spec_keys(const CodecRow& row);
const CodecRow& find_codec(std::string_view name);  // throws UserError(usage) with the nearest name

}  // namespace kvdiff
