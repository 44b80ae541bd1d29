#include "cache_backends/peer_forecast.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "cache_backends/peer_operations.h"
#include "cache_backends/registry.h"

namespace kvdiff {
namespace {

bool has_peer(const SideSpec& side, const LaneSpec& lane) {
  if (is_full(side) || !lane.schedule.starts_with("hf")) return false;
  return find_codec(side.codec).schedule.starts_with("hf");
}

std::string peer_of(const PeerQuestion& question) {
  for (int64_t layer = 0; layer < question.shape.layers; ++layer) {
    const LayerSpec sides = layer_spec(question.spec, layer, question.shape.layers);
    for (const SideSpec* side : {&sides.key, &sides.value}) {
      if (!has_peer(*side, question.spec.lane)) continue;
      const std::string_view schedule = find_schedule(question.spec.lane.schedule).peer, codec = find_codec(side->codec).peer;
      return schedule == codec ? std::string(codec) : fmt::format("{} with {}", schedule, codec);
    }
  }
  return "";
}

// One side of one layer as the peer keeps it.
struct PeerSide {
  Side side = Side::key;
  std::shared_ptr<const Codec> codec;  // null: nothing of the peer's
  bool quanto = false;
  PeerResidual residual;
  PeerVerdict held;  // of what was encoded last
  int64_t encoded_at = 0, encoded_tokens = 0;
};

class Replay {
 public:
  explicit Replay(const PeerQuestion& question)
      : question_(question), schedule_(find_schedule(question.spec.lane.schedule)) {
    for (int64_t layer = 0; layer < question.shape.layers; ++layer) {
      const LayerSpec sides = layer_spec(question.spec, layer, question.shape.layers);
      layers_.push_back({make(sides.key, Side::key), make(sides.value, Side::value)});
    }
  }

  std::vector<PeerEvent> run() {
    for (const PeerStep& step : question_.steps) {
      const bool goes_on = step.kind == PeerStep::Kind::append ? append(step.count) : operate(step);
      if (!goes_on) break;
      ++step_;
    }
    return std::move(events_);
  }

 private:
  using Layer = std::vector<PeerSide>;

  PeerSide make(const SideSpec& spec, Side side) const {
    PeerSide made;
    made.side = side;
    if (!has_peer(spec, question_.spec.lane)) return made;
    made.codec = find_codec(spec.codec).make(spec, side);
    made.quanto = spec.codec == "quanto";
    return made;
  }

  // False: it raises, and nothing comes after.
  bool tell(PeerCall call, int64_t update, size_t layer, Side side, const PeerVerdict& verdict) {
    if (verdict.message.empty()) return true;
    const bool known = std::any_of(events_.begin(), events_.end(), [&](const PeerEvent& event) {
      return event.failure.verdict.message == verdict.message;
    });
    if (!known) events_.push_back({call, step_, {update, static_cast<int>(layer), side, verdict}});
    return !verdict.raises;
  }

  bool append(int64_t fresh) {
    for (size_t layer = 0; layer < layers_.size(); ++layer) {
      if (!append_to(layer, fresh)) return false;
    }
    ++updates_;
    return true;
  }

  bool append_to(size_t layer, int64_t fresh) {
    for (PeerSide& side : layers_[layer]) {
      const bool read = updates_ > 0 && side.codec && (side.held.at_dequantize || side.held.silently_wrong);
      if (read && !tell(PeerCall::dequantize, side.encoded_at, layer, side.side, side.held)) return false;
    }
    for (PeerSide& side : layers_[layer]) {
      if (side.codec && !join(layer, side, fresh)) return false;
    }
    return true;
  }

  bool join(size_t layer, PeerSide& side, int64_t fresh) {
    const FlushPlan plan = schedule_.plan({.side = side.side,
                                           .first = updates_ == 0,
                                           .residual = side.residual.tokens,
                                           .fresh = fresh,
                                           .residual_length = question_.spec.lane.residual,
                                           .shares_scale = side.codec->shares_scale()});
    side.residual.tokens += fresh;
    side.residual.grown = true;
    if (!plan.any()) return true;
    side.encoded_tokens += side.residual.tokens;
    side.residual = {};
    const CacheShape& shape = question_.shape;
    side.held = side.codec->peer_verdict({shape.batch, shape.heads, side.encoded_tokens, shape.head_size});
    side.encoded_at = updates_;
    if (side.held.at_dequantize || side.held.silently_wrong) return true;
    return tell(PeerCall::quantize, updates_, layer, side.side, side.held);
  }

  bool operate(const PeerStep& step) {
    if (question_.spec.lane.schedule.starts_with("hf-5") || question_.spec.lane.schedule.starts_with("hf-4"))
      throw UserError(ExitCode::usage, fmt::format("crop and copies are forecast for transformers 5.23; found schedule={}, "
                                                   "expected schedule=hf",
                                                   question_.spec.lane.schedule));
    if (step.kind == PeerStep::Kind::crop) return crop(step.count);
    bool quanto = false, encoded = false;
    for (const Layer& layer : layers_) {
      for (const PeerSide& side : layer) quanto = quanto || side.quanto, encoded = encoded || side.codec != nullptr;
    }
    if (step.kind == PeerStep::Kind::shallow_copy)
      return tell(PeerCall::shallow_copy, updates_, 0, Side::key, shallow_copy_verdict());
    if (updates_ == 0 || !encoded) return true;
    return tell(PeerCall::deep_copy, updates_, 0, Side::key, deep_copy_verdict(question_.records_gradients, quanto));
  }

  bool crop(int64_t count) {
    for (size_t layer = 0; layer < layers_.size(); ++layer) {
      for (PeerSide& side : layers_[layer]) {
        if (!side.codec) continue;
        if (!tell(PeerCall::crop, updates_, layer, side.side, crop_verdict(count, updates_ > 0, side.residual))) return false;
      }
    }
    return true;
  }

  const PeerQuestion& question_;
  const ScheduleRow& schedule_;
  std::vector<Layer> layers_;
  std::vector<PeerEvent> events_;
  int64_t step_ = 0, updates_ = 0;
};

std::string update_text(int64_t update) { return update == 0 ? "the prefill" : fmt::format("update {}", update); }

// "RuntimeError: message"; our own words stand alone.
std::string message_of(const PeerVerdict& verdict) {
  return verdict.exception.empty() ? verdict.message : fmt::format("{}: {}", verdict.exception, verdict.message);
}

}  // namespace

std::vector<PeerStep> peer_steps(const std::vector<int64_t>& pieces, int64_t tokens) {
  std::vector<PeerStep> steps;
  for (const int64_t piece : pieces) steps.push_back({PeerStep::Kind::append, piece});
  steps.insert(steps.end(), static_cast<size_t>(tokens), {PeerStep::Kind::append, 1});
  return steps;
}

std::string_view name_of(PeerCall call) {
  constexpr std::string_view names[] = {"quantize", "dequantize", "crop", "copy.deepcopy", "copy.copy"};
  return names[static_cast<size_t>(call)];
}

PeerForecast forecast_peer(const PeerQuestion& question) {
  PeerForecast forecast{.peer = peer_of(question), .events = {}};
  if (!forecast.peer.empty()) forecast.events = Replay(question).run();
  return forecast;
}

std::string text_of(const PeerFailure& failure) {
  const std::string encoded =
      fmt::format("layer {}, {}s, encoded at {}", failure.layer, name_of(failure.side), update_text(failure.update));
  const std::string message = message_of(failure.verdict);
  if (failure.verdict.silently_wrong)
    return fmt::format("transformers would go on with wrong values here: {}: {}", encoded, message);
  const int64_t raising = failure.update + (failure.verdict.at_dequantize ? 1 : 0);
  return fmt::format("transformers would have raised here, at {}: {}: {}", update_text(raising), encoded, message);
}

std::string text_of(const PeerEvent& event) {
  if (event.call == PeerCall::quantize || event.call == PeerCall::dequantize) return text_of(event.failure);
  const std::string_view effect = event.failure.verdict.raises ? "would have raised" : "would go on wrongly";
  return fmt::format("transformers {} at {}, after {} updates: {}", effect, name_of(event.call), event.failure.update,
                     message_of(event.failure.verdict));
}

}  // namespace kvdiff
