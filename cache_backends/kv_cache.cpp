#include "cache_backends/kv_cache.h"

#include <fmt/format.h>

#include <array>

#include "cache_backends/error.h"
#include "cache_backends/quantized_cache.h"
#include "cache_backends/registry.h"
#include "cache_backends/rotation.h"

namespace kvdiff {
namespace {

// Layers with the same spec share one codec.
class CodecPool {
 public:
  std::shared_ptr<const Codec> get(const SideSpec& spec, Side side) {
    if (is_full(spec)) return nullptr;
    for (const Entry& entry : entries_) {
      if (entry.side == side && entry.spec == spec) return entry.codec;
    }
    entries_.push_back({spec, side, find_codec(spec.codec).make(spec, side)});
    return entries_.back().codec;
  }

 private:
  struct Entry {
    SideSpec spec;
    Side side;
    std::shared_ptr<const Codec> codec;
  };
  std::vector<Entry> entries_;
};

Dtype stored_dtype(const SideSpec& spec, Dtype compute) {
  if (!is_full(spec)) return compute;
  const std::string& text = spec.values.at("dtype");
  return text == "model" ? compute : parse_dtype(text);
}

void check_shape(const CacheShape& shape) {
  if (shape.layers >= 1 && shape.batch >= 1 && shape.heads >= 1 && shape.head_size >= 1) return;
  throw InternalError(fmt::format("a cache of {} layers, {} sequences, {} heads of {}", shape.layers, shape.batch,
                                  shape.heads, shape.head_size));
}

// The smallest block that the schedule will ever encode must fit the format; hf encodes histories of any length, which
// only a run can try.
void check_unit(const SidePlan& plan) {
  if (!plan.codec) return;
  const std::vector<float> sample(static_cast<size_t>(plan.row.elements()), 1.0f);
  const auto frozen = plan.codec->frozen(sample, plan.row, plan.compute);
  const Codec& codec = frozen ? *frozen : *plan.codec;
  const Arrival arrival{.side = plan.side, .first = false, .residual = plan.residual_length, .fresh = 1,
                        .residual_length = plan.residual_length, .shares_scale = codec.shares_scale()};
  const FlushPlan flush = plan.schedule->plan(arrival);
  if (flush.history) return;
  BlockShape unit = plan.row;
  unit.tokens = flush.unit;
  codec.encode(std::vector<float>(static_cast<size_t>(unit.elements()), 1.0f), unit, plan.compute);
}

// What a history that is encoded again is encoded from.
enum class Source { as_decoded, as_given };

struct Making {
  Source source = Source::as_decoded;
  const SideMemory& memory;
};

std::shared_ptr<const SidePlan> plan_side(const CacheSpec& spec, const SideSpec& side_spec, Side side,
                                          const CacheShape& shape, const Making& how, CodecPool& codecs) {
  auto plan = std::make_shared<SidePlan>();
  plan->side = side;
  plan->row = {shape.batch, shape.heads, 1, shape.head_size};
  plan->compute = shape.dtype;
  plan->stored = stored_dtype(side_spec, shape.dtype);
  plan->codec = codecs.get(side_spec, side);
  plan->schedule = &find_schedule(plan->codec ? spec.lane.schedule : "full");
  plan->residual_length = spec.lane.residual;
  plan->rotation = rotation_of(side_spec, side, shape.head_size);
  plan->prefill_reads_codes = spec.lane.prefill == "quantized";
  plan->memory = &how.memory;
  plan->one_shot = how.source == Source::as_given;
  if (plan->codec && !how.memory.has(*plan->codec))
    throw UserError(ExitCode::usage, fmt::format("{}: found no kernels for this codec as it is set; run it with --device cpu, or "
                                                 "choose another", canonical(spec)));
  check_unit(*plan);
  return plan;
}

// One line, the same for all caches that can go on with each other's bytes.
std::string described(const CacheSpec& spec, const CacheShape& shape, Source source) {
  return fmt::format("the cache {}{} of {} layers, B = {}, {} KV heads of {}, {}", canonical(spec),
                     source == Source::as_given ? " (histories encoded as given)" : "", shape.layers, shape.batch, shape.heads,
                     shape.head_size, name_of(shape.dtype));
}

std::unique_ptr<KvCache> make(const CacheSpec& spec, const CacheShape& shape, const Making& how) {
  check_shape(shape);
  CodecPool codecs;
  std::vector<QuantizedCache::LayerPlan> plans;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    const LayerSpec sides = layer_spec(spec, layer, shape.layers);
    plans.push_back({plan_side(spec, sides.key, Side::key, shape, how, codecs),
                     plan_side(spec, sides.value, Side::value, shape, how, codecs)});
  }
  return std::make_unique<QuantizedCache>(shape, plans, described(spec, shape, how.source));
}

}  // namespace

std::string_view name_of(Side side) { return side == Side::key ? "key" : "value"; }

std::vector<float> decoded(const KvPages& pages, Side side, const CacheShape& shape) {
  std::vector<float> out(static_cast<size_t>(shape.batch * shape.heads * pages.tokens * shape.head_size));
  float* place = out.data();
  for (int64_t row = 0; row < shape.batch * shape.heads; ++row) {
    for (const auto& page : side == Side::key ? pages.key : pages.value) {
      page->decode(row / shape.heads, row % shape.heads, 0, page->tokens(), place);
      place += page->tokens() * shape.head_size;
    }
  }
  if (pages.rotation(side) > 0) rotate(out, pages.rotation(side));
  return out;
}

std::unique_ptr<KvCache> make_cache(const CacheSpec& spec, const CacheShape& shape) {
  return make(spec, shape, {Source::as_decoded, host_memory()});
}

std::unique_ptr<KvCache> make_cache(const CacheSpec& spec, const CacheShape& shape, const SideMemory& memory) {
  return make(spec, shape, {Source::as_decoded, memory});
}

std::unique_ptr<KvCache> restore_cache(const CacheSpec& spec, const CacheShape& shape, std::span<const std::byte> saved) {
  auto cache = make_cache(spec, shape);
  cache->restore(saved);
  return cache;
}

std::unique_ptr<KvCache> make_one_shot_cache(const CacheSpec& spec, const CacheShape& shape) {
  return make(spec, shape, {Source::as_given, host_memory()});
}

}  // namespace kvdiff
