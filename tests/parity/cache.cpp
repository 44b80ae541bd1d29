#include "cache_backends/kv_cache.h"

#include "cache_backends/aten/hqq_aten.h"
#include "cache_backends/quantized_cache.h"
#include "tests/parity/bridge.h"
#include "tests/parity/watched_codec.h"
#include "tests/parity/wrong_codec.h"

namespace kvdiff::parity {
namespace {

// One layer whose codecs tell what they encoded.
struct WatchedCache {
  std::unique_ptr<KvCache> cache;
  std::shared_ptr<Encoded> key = std::make_shared<Encoded>(), value = std::make_shared<Encoded>();
};

std::shared_ptr<const SidePlan> plan_of(const CacheSpec& spec, Side side, const CacheShape& shape,
                                        const std::string& fault, std::shared_ptr<Encoded> encoded) {
  const SideSpec& chosen = side == Side::key ? spec.base.key : spec.base.value;
  auto plan = std::make_shared<SidePlan>();
  plan->side = side;
  plan->row = {shape.batch, shape.heads, 1, shape.head_size};
  plan->compute = plan->stored = shape.dtype;
  plan->codec = watched(codec_with_fault(chosen, side, fault), std::move(encoded));
  plan->schedule = &find_schedule(spec.lane.schedule);
  plan->residual_length = spec.lane.residual;
  plan->prefill_reads_codes = spec.lane.prefill == "quantized";
  return plan;
}

WatchedCache make_watched(const std::string& text, const CacheShape& shape, const std::string& fault) {
  const CacheSpec spec = parse_cache_spec(text);
  make_cache(spec, shape);  // refuses what kvdiff refuses
  WatchedCache made;
  const std::vector<QuantizedCache::LayerPlan> plans = {{plan_of(spec, Side::key, shape, fault, made.key),
                                                         plan_of(spec, Side::value, shape, fault, made.value)}};
  made.cache = std::make_unique<QuantizedCache>(shape, plans, "a cache of the parity run");
  return made;
}

// Tokens [first, first + count) of [B, H, T, D].
std::vector<float> piece(const std::vector<float>& all, const BlockShape& shape, int64_t first, int64_t count) {
  std::vector<float> out;
  for (int64_t row = 0; row < shape.batch * shape.heads; ++row) {
    const auto begin = all.begin() + (row * shape.tokens + first) * shape.head_size;
    out.insert(out.end(), begin, begin + count * shape.head_size);
  }
  return out;
}

template <class T> void append(std::vector<T>& all, const std::vector<T>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

// What one side showed and encoded, update after update.
struct SideTrace {
  std::vector<float> views;
  std::vector<std::byte> packed;
  void take(const KvCache& cache, Side side, Encoded& encoded) {
    append(views, decoded(cache.pages(0), side, cache.shape()));
    append(packed, encoded.packed);
  }
  void put(const std::string& name, Exchange& exchange) {
    const auto shown = static_cast<int64_t>(views.size()), encoded = static_cast<int64_t>(packed.size());
    exchange.put(name + ".views", {shown}, std::move(views));
    exchange.put(name + ".packed", {encoded}, std::move(packed));
  }
};

json state_of(const WatchedCache& made) {
  const Receipt receipt = made.cache->receipt();
  const SideReceipt &key = receipt.key[0], &value = receipt.value[0];
  return {{"length", made.cache->length(0)},
          {"flushes", {key.flushes, value.flushes}},
          {"code_bytes", {key.measured.codes, value.measured.codes}},
          {"packed", {made.key->packed.size(), made.value->packed.size()}}};
}

}  // namespace

// job: {"id", "spec", "key", "value", "ops"}: one layer is fed the tensors [B, H, T, D], piece by piece. ops: n appends
// the next n tokens, [rows] reorders, "reset" begins anew with the tokens that follow. Answers the state after each
// append; puts ID.key.views (what attention reads after each append, all behind each other), ID.key.packed (the codes
// of what each append encoded), and the same of the values.
json run_cache(const json& job, Exchange& exchange) {
  const std::string id = job.at("id"), key_name = job.at("key"), value_name = job.at("value");
  set_aten_threads(1);
  const BlockShape shape = exchange.shape(key_name);
  const CacheShape cache_shape = {1, shape.batch, shape.heads, shape.head_size, exchange.dtype(key_name)};
  WatchedCache made = make_watched(job.at("spec"), cache_shape, exchange.options.value("wrong", ""));
  const std::vector<float> keys = exchange.values(key_name), values = exchange.values(value_name);
  SideTrace key, value;
  json states = json::array();
  int64_t first = 0;
  for (const json& op : job.at("ops")) {
    if (op == "reset") {
      made.cache->reset();
    } else if (op.is_array()) {
      made.cache->reorder(op.get<std::vector<int64_t>>());
    } else {
      const int64_t count = op;
      made.key->packed.clear(), made.value->packed.clear();
      made.cache->append(0, {piece(keys, shape, first, count), piece(values, shape, first, count), count});
      first += count;
      key.take(*made.cache, Side::key, *made.key);
      value.take(*made.cache, Side::value, *made.value);
      states.push_back(state_of(made));
    }
  }
  key.put(id + ".key", exchange);
  value.put(id + ".value", exchange);
  return states;
}

}  // namespace kvdiff::parity
