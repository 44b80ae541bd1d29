#include "harness/diagnose/replay.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvdiff {
namespace {

// One layer of one cache at work: both sides share its appends.
class LayerReplay {
 public:
  LayerReplay(const Material& material, KvCache& cache, int layer) : material_(material), cache_(cache), layer_(layer) {
    for (SideState& one : sides_) one.times.assign(static_cast<size_t>(material.tokens), 0);
  }

  void run() {
    append(0, 0, material_.prompt);
    for (int64_t token = material_.prompt; token < material_.tokens; ++token) append(token - material_.prompt + 1, token, 1);
    const KvPages pages = cache_.pages(layer_);
    for (const Side side : {Side::key, Side::value}) {
      ReplayedSide& result = at(side).result;
      result.held = decoded(pages, side, material_.shape);
      for (const auto& page : side == Side::key ? pages.key : pages.value) result.encoded += page->quantized() ? page->tokens() : 0;
    }
  }
  ReplayedSide take(Side side) { return std::move(at(side).result); }

 private:
  struct SideState {
    ReplayedSide result;
    std::vector<int64_t> times;  // by token: how often it has been encoded
    int64_t count = 0;           // encodings so far
  };
  SideState& at(Side side) { return sides_[side == Side::value]; }

  // Tokens [first, first + count) of what was given: [H, count, D].
  std::vector<float> given(Side side, int64_t first, int64_t count) const {
    const int64_t size = material_.shape.head_size;
    std::vector<float> out;
    for (int64_t head = 0; head < material_.shape.heads; ++head) {
      const float* row = material_.of(layer_, side).data() + (head * material_.tokens + first) * size;
      out.insert(out.end(), row, row + count * size);
    }
    return out;
  }

  void append(int64_t step, int64_t first, int64_t count) {
    const KvPages before = first > 0 ? cache_.pages(layer_) : KvPages{};
    cache_.append(layer_, {given(Side::key, first, count), given(Side::value, first, count), count});
    const int64_t seen[] = {cache_.visible_encoding(layer_, Side::key).count, cache_.visible_encoding(layer_, Side::value).count};
    cache_.settle();
    for (const Side side : {Side::key, Side::value}) {
      const VisibleEncoding now = cache_.visible_encoding(layer_, side);
      if (now.count == at(side).count) continue;
      const int64_t read_from = seen[side == Side::value] == now.count ? step : step + 1;
      at(side).count = now.count;
      note({step, read_from, now.first, now.tokens, 0, 0, 0, 0, {}, {}}, side, before);
    }
  }

  void note(ReplayedFlush flush, Side side, const KvPages& before) {
    const KvPages after = cache_.pages(layer_);
    const std::vector<float> pristine = given(side, 0, after.tokens);
    const std::vector<float> now = decoded(after, side, material_.shape);
    const std::vector<float> old = joined(decoded(before, side, material_.shape), before.tokens, pristine, after.tokens);
    SideState& state = at(side);
    count_changes(flush, state, {old, now, after.tokens});
    flush.before = error_of(pristine, old, workspace_);
    flush.after = error_of(pristine, now, workspace_);
    const auto range = std::span(state.times).subspan(static_cast<size_t>(flush.first), static_cast<size_t>(flush.tokens));
    for (int64_t& times : range) ++times;
    if (!range.empty()) {
      flush.least_times = *std::min_element(range.begin(), range.end());
      flush.most_times = *std::max_element(range.begin(), range.end());
    }
    state.result.flushes.push_back(flush);
  }

  // What was held, and behind it what has come since, as it came: [H, tokens, D].
  std::vector<float> joined(const std::vector<float>& old, int64_t old_tokens, std::vector<float> pristine, int64_t tokens) const {
    const int64_t size = material_.shape.head_size;
    for (int64_t head = 0; head < material_.shape.heads; ++head)
      std::copy_n(old.begin() + head * old_tokens * size, old_tokens * size, pristine.begin() + head * tokens * size);
    return pristine;
  }

  struct Histories {
    const std::vector<float>&old, &now;
    int64_t tokens;
  };
  void count_changes(ReplayedFlush& flush, const SideState& state, const Histories& both) const {
    const int64_t size = material_.shape.head_size;
    for (int64_t row = 0; row < material_.shape.heads * both.tokens; ++row) {
      if (state.times[static_cast<size_t>(row % both.tokens)] == 0) continue;
      flush.compared += size;
      for (int64_t i = row * size; i < (row + 1) * size; ++i) {
        const float old = both.old[static_cast<size_t>(i)], now = both.now[static_cast<size_t>(i)];
        flush.changed += old != now && !(std::isnan(old) && std::isnan(now));
      }
    }
  }

  const Material& material_;
  KvCache& cache_;
  const int layer_;
  SideState sides_[2];
  RowWorkspace workspace_;
};

}  // namespace

void ErrorSums::add(const ErrorSums& other) {
  given_squared += other.given_squared;
  difference_squared += other.difference_squared;
  largest = std::max(largest, other.largest);
  not_finite += other.not_finite;
}

double ErrorSums::relative() const {
  if (difference_squared == 0) return 0;
  return given_squared > 0 ? std::sqrt(difference_squared / given_squared) : std::numeric_limits<double>::quiet_NaN();
}

ErrorSums error_of(std::span<const float> given, std::span<const float> held, RowWorkspace& workspace) {
  const RowResult row = measure_row({given, held}, workspace);
  return {row.sums.reference_squared, row.sums.difference_squared, row.sums.max_abs, static_cast<int64_t>(given.size()) - row.compared};
}

void replay(const Material& material, ThreadPool& pool, const MakeCache& make,
            const std::function<void(int layer, Side side, ReplayedSide&&)>& done) {
  pool.run(material.shape.layers, [&](int64_t index, int) {
    const auto layer = static_cast<int>(index);
    const std::unique_ptr<KvCache> cache = make();
    LayerReplay one(material, *cache, layer);
    one.run();
    for (const Side side : {Side::key, Side::value}) done(layer, side, one.take(side));
  });
}

}  // namespace kvdiff
