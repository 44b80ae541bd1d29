#include "cache_backends/peer_forecast.h"

#include "cache_backends/dtype.h"
#include "cache_backends/peer_operations.h"
#include "tests/parity/bridge.h"

namespace kvdiff::parity {
namespace {

json shown(const PeerVerdict& verdict) {
  return {{"raises", verdict.raises}, {"wrong", verdict.silently_wrong}, {"type", verdict.exception}, {"message", verdict.message}};
}

PeerStep step_of(const json& step) {
  if (step.is_number()) return {PeerStep::Kind::append, step};
  if (step == "deepcopy") return {PeerStep::Kind::deep_copy, 0};
  if (step == "copy") return {PeerStep::Kind::shallow_copy, 0};
  return {PeerStep::Kind::crop, step.at("crop")};
}

std::optional<int64_t> number(const json& config, const char* name) {
  return config.contains(name) ? std::optional<int64_t>(config.at(name)) : std::nullopt;
}

}  // namespace

// job: {"config", "shape": [B, H, S, D]}: what QuantizedCache(**config) raises, and then quantizing the first keys; or
// {"spec", "shape", "steps", "gradients"}: steps are n (append), {"crop": n}, "deepcopy", "copy". Answers the events.
json run_forecast(const json& job, Exchange&) {
  const json& sizes = job.at("shape");
  if (job.contains("config")) {
    const json& config = job.at("config");
    const PeerConfig asked{config.at("backend"), number(config, "nbits"), number(config, "axis_key"),
                           number(config, "axis_value"), number(config, "q_group_size"), number(config, "residual_length")};
    return {{"constructor", shown(constructor_verdict(asked))},
            {"first", shown(group_verdict(asked, {sizes[0], sizes[1], sizes[2], sizes[3]}))}};
  }
  PeerQuestion question{parse_cache_spec(job.at("spec").get<std::string>()), {1, sizes[0], sizes[1], sizes[3], Dtype::float32},
                        {}, job.value("gradients", false)};
  for (const json& step : job.at("steps")) question.steps.push_back(step_of(step));
  const PeerForecast forecast = forecast_peer(question);
  json events = json::array();
  for (const PeerEvent& event : forecast.events) {
    events.push_back(shown(event.failure.verdict));
    events.back().update({{"call", name_of(event.call)}, {"step", event.step}, {"side", name_of(event.failure.side)}});
  }
  return {{"peer", forecast.peer}, {"events", std::move(events)}};
}

}  // namespace kvdiff::parity
