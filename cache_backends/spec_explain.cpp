#include "cache_backends/spec_explain.h"

#include <fmt/format.h>

#include "cache_backends/error.h"
#include "cache_backends/registry.h"
#include "cache_backends/spec_dialects.h"
#include "cache_backends/spec_text.h"

namespace kvdiff {
namespace {

constexpr int64_t typical_history = 1024;  // tokens

std::string settings_of(const SideSpec& side) {
  std::string text;
  for (const SpecKey& key : spec_keys(find_codec(side.codec))) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key.name, side.values.at(key.name));
  }
  return text;
}

std::string bytes_line(const SideSpec& side, Side which, const LaneSpec& lane, const CacheShape& shape) {
  const double fp16 = 2.0 * static_cast<double>(shape.heads * shape.head_size);
  try {
    const double bytes = encoded_bytes_per_token(side, which, lane, shape);
    return fmt::format("    bytes: {:.1f} per token and layer, scales and zeros included; FP16 has {:.0f} (saving {:.1f} %)\n",
                       bytes, fp16, 100.0 * (1.0 - bytes / fp16));
  } catch (const UserError& error) {
    return fmt::format("    bytes: {}\n", error.what());
  }
}

std::string side_lines(const char* label, const SideSpec& side, Side which, const LaneSpec& lane,
                       const CacheShape& shape) {
  const CodecRow& row = find_codec(side.codec);
  std::string text = fmt::format("  {}: {} - {}; as {}\n    {}\n", label, row.name, row.summary, row.peer, settings_of(side));
  if (const std::string grouping = grouping_of(side, shape); !grouping.empty()) {
    text += fmt::format("    a scale is shared by {}\n", grouping);
  }
  return text + bytes_line(side, which, lane, shape);
}

std::string layer_lines(const LayerSpec& layer, const LaneSpec& lane, const CacheShape& shape) {
  if (layer.key == layer.value) return side_lines("keys and values", layer.key, Side::key, lane, shape);
  return side_lines("keys", layer.key, Side::key, lane, shape) + side_lines("values", layer.value, Side::value, lane, shape);
}

std::string lane_lines(const LaneSpec& lane) {
  const ScheduleRow& row = find_schedule(lane.schedule);
  if (lane.schedule == "full") return fmt::format("schedule: {} - {}\n", row.name, row.summary);
  return fmt::format("schedule: {} - {}; as {}\n  flushes {}\n  residual R = {}: tokens kept in full precision\n"
                     "  prefill attention reads {}\n",
                     row.name, row.summary, row.peer, row.cadence, lane.residual,
                     lane.prefill == "full" ? "the prompt as it came" : "the cache, once encoded");
}

std::string dialect_line(const char* tool, const DialectForm& form) {
  if (form.text.empty()) return fmt::format("{}: cannot say it: {}\n", tool, form.note);
  return fmt::format("{}: {}{}\n", tool, form.text, form.note.empty() ? "" : fmt::format("  ({})", form.note));
}

// The layers of an override, negative ones counted out.
std::string layers_of(const LayerOverride& piece, int64_t layers) {
  LayerRanges ranges;
  for (int64_t layer = 0; layer < layers; ++layer) {
    if (!covers(piece.ranges, layer, layers)) continue;
    if (!ranges.empty() && ranges.back().second == layer - 1) ranges.back().second = layer;
    else ranges.emplace_back(layer, layer);
  }
  return text_of(ranges);
}

}  // namespace

double encoded_bytes_per_token(const SideSpec& spec, Side side, const LaneSpec& lane, const CacheShape& shape) {
  if (is_full(spec)) {
    const std::string& dtype = spec.values.at("dtype");
    const size_t width = size_of(dtype == "model" ? shape.dtype : parse_dtype(dtype));
    return static_cast<double>(shape.heads * shape.head_size) * static_cast<double>(width);
  }
  auto codec = find_codec(spec.codec).make(spec, side);
  const std::vector<float> token(static_cast<size_t>(shape.heads * shape.head_size), 1.0f);
  if (auto frozen = codec->frozen(token, {1, shape.heads, 1, shape.head_size}, shape.dtype)) codec = std::move(frozen);
  const FlushPlan plan = find_schedule(lane.schedule).plan({.side = side, .first = true, .fresh = typical_history + lane.residual,
                                                            .residual_length = lane.residual,
                                                            .shares_scale = codec->shares_scale()});
  const int64_t tokens = plan.history ? typical_history : plan.unit;
  const Bytes bytes = codec->expected_bytes({1, shape.heads, tokens, shape.head_size}, shape.dtype);
  return static_cast<double>(bytes.total()) / static_cast<double>(tokens);
}

std::string explain(const CacheSpec& spec, const CacheShape& shape) {
  layer_spec(spec, 0, shape.layers);  // refuses overrides of layers that do not exist
  std::string text = fmt::format("{}\n{}", canonical(spec), lane_lines(spec.lane));
  text += fmt::format("{} layers, {} KV heads of {}, {}:\n", shape.layers, shape.heads, shape.head_size, name_of(shape.dtype));
  text += layer_lines(spec.base, spec.lane, shape);
  for (const LayerOverride& piece : spec.overrides) {
    text += fmt::format("but layers {}:\n{}", layers_of(piece, shape.layers), layer_lines(piece.layer, spec.lane, shape));
  }
  text += dialect_line("transformers cache_config", to_transformers(spec));
  return text + dialect_line("llama.cpp", to_llama_cpp(spec));
}

}  // namespace kvdiff
