#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cache_backends/cache_spec.h"
#include "cache_backends/kv_cache.h"

namespace kvdiff {

// What one asks of the peer's cache, in order.
struct PeerStep {
  enum class Kind { append, crop, deep_copy, shallow_copy };
  Kind kind = Kind::append;
  int64_t count = 1;  // append: tokens; crop: what is handed to crop(), below 0 to remove tokens; copies: not read
};
// Prompt pieces, then `tokens` single ones.
std::vector<PeerStep> peer_steps(const std::vector<int64_t>& pieces, int64_t tokens);

struct PeerQuestion {
  CacheSpec spec;
  CacheShape shape;
  std::vector<PeerStep> steps;
  bool records_gradients = false;  // K and V come out of a computation outside torch.no_grad()
};

enum class PeerCall { quantize, dequantize, crop, deep_copy, shallow_copy };
std::string_view name_of(PeerCall call);

struct PeerEvent {
  PeerCall call = PeerCall::quantize;
  int64_t step = 0;     // of PeerQuestion::steps, during which it happens
  PeerFailure failure;  // failure.update: as in a receipt, or of an operation: how many updates came before
};

struct PeerForecast {
  std::string peer;               // empty: the schedule, or no codec under it, has a peer; nothing is forecast
  std::vector<PeerEvent> events;  // in order; the last one raises, or none does. Each silent error once
};

// What becomes of transformers' own cache under the same calls, told from shapes alone, before anything runs:
// ScheduleRow::plan says what is encoded when, Codec::peer_verdict what the peer makes of it. In the peer's order: per
// update the layers, per layer dequantize keys and values, then quantize keys and values. The operations are those of
// transformers 5.23: crop (cache_utils.py, DynamicLayer.crop), copy.deepcopy and copy.copy; under an older schedule they
// are UserError(usage).
PeerForecast forecast_peer(const PeerQuestion& question);

// One wording, before a run and after it.
std::string text_of(const PeerFailure& failure);
std::string text_of(const PeerEvent& event);

}  // namespace kvdiff
