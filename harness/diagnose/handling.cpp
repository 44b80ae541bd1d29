#include "harness/diagnose/handling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>

namespace kvdiff {
namespace {

using Cache = std::unique_ptr<KvCache>;

class Feeder {
 public:
  // `residual` of the spec: so many steps, and a few more, show a flush.
  Feeder(const Material& material, int64_t residual) : material_(material), steps_(residual + steps_beyond) {}

  // Tokens [first, first + count) of every layer in one append; `bent`: other values.
  void feed(KvCache& cache, int64_t first, int64_t count, bool bent = false) const {
    for (int layer = 0; layer < material_.shape.layers; ++layer) {
      const std::vector<float> key = piece(material_.of(layer, Side::key), first, count, bent);
      const std::vector<float> value = piece(material_.of(layer, Side::value), first, count, bent);
      cache.append(layer, {key, value, count});
    }
    cache.settle();
  }
  void feed_singly(KvCache& cache, int64_t first, int64_t last, bool bent = false) const {
    for (int64_t token = first; token < last; ++token) feed(cache, token, 1, bent);
  }
  int64_t prompt() const { return std::min(material_.prompt, most_prompt); }
  int64_t middle() const { return (prompt() + end()) / 2; }
  int64_t end() const { return std::min(material_.tokens, prompt() + steps_); }

 private:
  std::vector<float> piece(const std::vector<float>& all, int64_t first, int64_t count, bool bent) const {
    const CacheShape& shape = material_.shape;
    std::vector<float> out;
    for (int64_t head = 0; head < shape.heads; ++head) {
      const float* start = all.data() + (head * material_.tokens + first) * shape.head_size;
      out.insert(out.end(), start, start + count * shape.head_size);
    }
    if (bent) std::reverse(out.begin(), out.end());
    return out;
  }
  static constexpr int64_t most_prompt = 128, steps_beyond = 8;  // handling does not depend on how long a text is
  const Material& material_;
  const int64_t steps_;
};

// Where the two first differ; empty: nowhere.
std::string difference(const KvCache& left, const KvCache& right) {
  const CacheShape& shape = left.shape();
  for (int layer = 0; layer < shape.layers; ++layer)
    for (const Side side : {Side::key, Side::value}) {
      const std::vector<float> a = decoded(left.pages(layer), side, shape), b = decoded(right.pages(layer), side, shape);
      if (a.size() != b.size() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) != 0)
        return fmt::format("layer {}, {}s differ", layer, name_of(side));
    }
  return "";
}

// The cache that went through the operation; null: the operation does not apply here.
using Operation = Cache (*)(const Feeder&, const std::function<Cache()>&);

Cache straight(const Feeder& feeder, const std::function<Cache()>& make) {
  Cache cache = make();
  feeder.feed(*cache, 0, feeder.prompt());
  feeder.feed_singly(*cache, feeder.prompt(), feeder.end());
  return cache;
}

// The fork goes on with the text, the original with something else.
Cache fork_goes_on(const Feeder& feeder, const std::function<Cache()>& make) {
  Cache original = make();
  feeder.feed(*original, 0, feeder.prompt());
  feeder.feed_singly(*original, feeder.prompt(), feeder.middle());
  Cache fork = original->fork();
  feeder.feed_singly(*original, feeder.middle(), feeder.end(), true);
  feeder.feed_singly(*fork, feeder.middle(), feeder.end());
  return fork;
}

// A deep copy of a copy, which dies while the original lives on.
Cache original_survives(const Feeder& feeder, const std::function<Cache()>& make) {
  Cache original = make();
  feeder.feed(*original, 0, feeder.prompt());
  feeder.feed_singly(*original, feeder.prompt(), feeder.middle());
  {
    const Cache fork = original->fork()->fork();
    feeder.feed_singly(*fork, feeder.middle(), feeder.end(), true);
  }
  feeder.feed_singly(*original, feeder.middle(), feeder.end());
  return original;
}

Cache reset_and_again(const Feeder& feeder, const std::function<Cache()>& make) {
  Cache cache = make();
  feeder.feed(*cache, 0, feeder.end(), true);
  cache->reset();
  feeder.feed(*cache, 0, feeder.prompt());
  feeder.feed_singly(*cache, feeder.prompt(), feeder.end());
  return cache;
}

int64_t flushes(const KvCache& cache) {
  const Receipt receipt = cache.receipt();
  int64_t all = 0;
  for (const auto* side : {&receipt.key, &receipt.value})
    for (const SideReceipt& layer : *side) all += layer.flushes;
  return all;
}

// A token that was appended and cropped away again never was, where it flushed nothing (what it pushed out of a window is
// encoded for good).
Cache crop_one_away(const Feeder& feeder, const std::function<Cache()>& make) {
  Cache cache = make();
  feeder.feed(*cache, 0, feeder.prompt());
  bool tried = false;
  for (int64_t token = feeder.prompt(); token < feeder.end(); ++token) {
    const Cache before = cache->fork();
    feeder.feed(*cache, token, 1, true);
    const bool flushed = flushes(*cache) > flushes(*before);
    if (flushed) cache = before->fork();
    else cache->crop(token);
    tried = tried || !flushed;
    feeder.feed(*cache, token, 1);
  }
  return tried ? std::move(cache) : nullptr;
}

Cache reorder_in_place(const Feeder& feeder, const std::function<Cache()>& make) {
  Cache cache = make();
  const std::vector<int64_t> rows = {0};
  feeder.feed(*cache, 0, feeder.prompt());
  for (int64_t token = feeder.prompt(); token < feeder.end(); ++token) {
    cache->reorder(rows);
    feeder.feed(*cache, token, 1);
  }
  return cache;
}

struct Row {
  std::string_view operation;
  Operation run;
};
constexpr Row rows[] = {{"fork, the copy goes on", fork_goes_on},
                        {"fork, the original goes on", original_survives},
                        {"reset", reset_and_again},
                        {"crop", crop_one_away},
                        {"reorder of one sequence", reorder_in_place}};

}  // namespace

std::vector<HandlingCheck> check_handling(const CacheSpec& spec, const Material& material) {
  const Feeder feeder(material, spec.lane.residual);
  const auto make = [&] { return make_cache(spec, material.shape); };
  const Cache expected = straight(feeder, make);
  std::vector<HandlingCheck> checks;
  for (const Row& row : rows) {
    const Cache result = row.run(feeder, make);
    if (!result) continue;
    const std::string found = difference(*result, *expected);
    checks.push_back({std::string(row.operation), found.empty(), found.empty() ? "bit-equal" : found});
  }
  return checks;
}

}  // namespace kvdiff
