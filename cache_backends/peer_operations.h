#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "cache_backends/codec.h"

namespace kvdiff {

// What transformers 5.23 refuses by itself, whatever the values: as plain values, for peer_forecast.h and the dialect.

// The peer's residual window: a one-dimensional empty tensor until tokens join it, and again after each flush.
struct PeerResidual {
  int64_t tokens = 0;
  bool grown = false;
};
// DynamicLayer.crop(count): a positive count is refused, a negative one slices the residual and forgets to shorten the
// length; tokens that are held as codes stay.
PeerVerdict crop_verdict(int64_t count, bool filled, PeerResidual& residual);
// copy.deepcopy of a cache that holds something.
PeerVerdict deep_copy_verdict(bool records_gradients, bool quanto);
PeerVerdict shallow_copy_verdict();

// transformers' cache_config, as given.
struct PeerConfig {
  std::string backend = "quanto";  // the default of generate()
  std::optional<int64_t> nbits, axis_key, axis_value, q_group_size, residual_length;
};
// What QuantizedCache(...) raises for it; no message: it is made.
PeerVerdict constructor_verdict(const PeerConfig& config);
// What quantizing the first keys [B, H, S, D] raises for the group: no positive one, or (quanto) one that does not divide.
// hqq's positive groups are the codec's to judge (codec.h, peer_verdict).
PeerVerdict group_verdict(const PeerConfig& config, const BlockShape& first);

// optimum-quanto 0.2.7, tensor/grouped.py, group(). axis is 0 or -1.
PeerVerdict quanto_group_verdict(const BlockShape& shape, int64_t group, int64_t axis);

}  // namespace kvdiff
