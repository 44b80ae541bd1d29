#include "harness/diagnose/error_json.h"

namespace kvdiff {
namespace {

Json json_of(const FlushSide& side) {
  Json object = {{"side", name_of(side.side)}, {"first", side.first}, {"tokens", side.tokens}, {"least_times", side.least_times}, {"most_times", side.most_times}};
  object["compared"] = side.compared;
  object["changed"] = side.changed;
  object["error_before"] = or_null(side.before);
  object["error_after"] = or_null(side.after);
  object["largest_before"] = or_null(side.largest_before);
  object["largest_after"] = or_null(side.largest_after);
  object["worst_layer"] = side.worst_layer < 0 ? Json(nullptr) : Json(side.worst_layer);
  object["worst_layer_error"] = side.worst_layer < 0 ? Json(nullptr) : or_null(side.worst_layer_error);
  object["one_shot_error"] = or_null(side.one_shot);
  object["chained_over_one_shot"] = side.one_shot ? or_null(side.chained_over_one_shot()) : Json(nullptr);
  return object;
}

Json json_of(const FlushRecord& flush) {
  Json object = {{"step", flush.step}, {"read_from", flush.read_from}, {"kld_before", or_null(flush.kld_before)}, {"kld_after", or_null(flush.kld_after)}};
  for (const FlushSide& side : flush.sides) object["sides"].push_back(json_of(side));
  return object;
}

Json json_of(const TokenError& tokens) { return {{"tokens", tokens.tokens}, {"error", or_null(tokens.error())}}; }

template <class Kinds> void add_kinds(const Kinds& kinds, Json& object) {
  object["sinks"] = json_of(kinds.sinks);
  object["prompt"] = json_of(kinds.prompt);
  object["generated"] = json_of(kinds.generated);
  object["residual"] = json_of(kinds.residual);
}

Json json_of(const AttentionError& error) {
  return {{"logit_rms", or_null(error.logit_rms)},           {"logit_max", or_null(error.logit_max)},
          {"mass_moved", or_null(error.moved_mean)},         {"mass_moved_max", or_null(error.moved_max)},
          {"sink_reference", or_null(error.sink_reference)}, {"sink_change", or_null(error.sink_change)}};
}

Json heads(const std::vector<std::optional<double>>& errors) {
  Json list = Json::array();
  for (const auto& error : errors) list.push_back(or_null(error));
  return list;
}

Json json_of(const ReadError& side) {
  Json object = {{"side", name_of(side.side)}, {"error", or_null(side.error)}, {"written", or_null(side.written)}, {"by_head", heads(side.by_head)}};
  object["worst_channels"] = Json::array();
  for (const ChannelError& one : side.worst_channels)
    object["worst_channels"].push_back({{"head", one.head}, {"channel", one.channel}, {"share", or_null(one.share)}, {"error", or_null(one.error)}});
  add_kinds(side, object);
  return object;
}

Json json_of(const LayerErrors& layer) {
  Json object = {{"layer", layer.layer}, {"output_born", or_null(layer.output_born)}, {"output_forced", or_null(layer.output_forced)},
                 {"hidden", or_null(layer.hidden)}, {"output_by_head", heads(layer.output_by_head)}};
  object["attention_born"] = json_of(layer.born);
  object["attention_forced"] = json_of(layer.forced);
  object["sides"] = Json::array();
  for (const ReadError& side : layer.sides) object["sides"].push_back(json_of(side));
  return object;
}

}  // namespace

Json json_of(const FlushTimeline& timeline) {
  Json object = {{"steps", timeline.steps}, {"kld_steps", LaneFlushes::kld_steps}, {"lanes", Json::array()}};
  for (const LaneFlushes& lane : timeline.lanes) {
    Json one = {{"name", lane.name}, {"encodes_again", lane.encodes_again}, {"flushes", Json::array()}};
    for (const FlushRecord& flush : lane.flushes) one["flushes"].push_back(json_of(flush));
    object["lanes"].push_back(std::move(one));
  }
  const RequantizationCost& cost = timeline.cost;
  object["requantization"] = Json::object();
  const std::string none = cost.reason.empty() ? "not asked" : cost.reason;
  number(object["requantization"], "kld_one_shot", cost.kld_one_shot, none);
  number(object["requantization"], "recovery", cost.recovery, none);
  return object;
}

Json json_of(const ErrorProfile& profile) {
  Json object = {{"steps", profile.steps}, {"layers", Json::array()}};
  for (const LayerErrors& layer : profile.layers) object["layers"].push_back(json_of(layer));
  object["kinds"] = Json::array();
  for (const KindErrors& one : profile.kinds) {
    Json kinds = {{"side", name_of(one.side)}};
    add_kinds(one, kinds);
    object["kinds"].push_back(std::move(kinds));
  }
  return object;
}

Json json_of(const ErrorMap& map) {
  Json rows = Json::array();
  for (const std::vector<double>& layer : map.map.relative_l2) {
    Json row = Json::array();
    for (const double error : layer) row.push_back(or_null(error));
    rows.push_back(std::move(row));
  }
  return {{"mode", name_of(map.mode)}, {"stage", name_of(map.map.stage)}, {"steps", map.map.steps}, {"steps_per_column", map.map.steps_per_column},
          {"relative_l2", std::move(rows)}};
}

Json json_of(const TokenRangeScore& score) {
  Json object = {{"name", score.name}, {"first", score.first}, {"last", score.last}};
  number(object, "exempt", score.exempt);
  number(object, "withheld", score.withheld);
  return object;
}

}  // namespace kvdiff
