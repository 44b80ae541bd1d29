#pragma once
#include "cache_backends/device/kernels/reduction.cuh"
#include "cache_backends/device/kernels/row_figures.h"
#include "cache_backends/kernels/token_noise.h"

// What the host asks about rows of logits that stay on the device. The twins: harness/metrics/logit_row.cpp.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

struct LargestFinite {
  float value = -infinity();
  int64_t not_finite = 0;
  KVDIFF_DEVICE void join(const LargestFinite& other) {
    if (other.value > value) value = other.value;
    not_finite += other.not_finite;
  }
};

// A block per row: the sum that its softmax divides by, and the logit of a token.
struct ScoreTokens {
  struct Arguments {
    Span<const float> logits;    // [rows, columns]
    Span<const int32_t> tokens;  // [rows], or empty
    Span<TokenScore> to;         // [rows]
    int64_t columns;
    double temperature;
  };
  using Sums = OrderedSums<1>;
  static constexpr const char* name = "score_tokens";
  static constexpr int width = most_threads_of_row;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments& a) {
    const int64_t largest = width * static_cast<int64_t>(sizeof(LargestFinite));
    return {a.to.size(), 1, threads_for(a.columns), largest > Sums::shared_bytes ? largest : Sums::shared_bytes};
  }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t row = thread.block() * a.columns;
    LargestFinite mine;
    for (int64_t i = thread.index(); i < a.columns; i += thread.width()) {
      const float logit = a.logits[row + i];
      mine.join({logit, is_finite(logit) ? 0 : 1});
    }
    const LargestFinite largest = joined_of_block(thread, mine);
    Sums sums;
    for (int64_t begin = 0; begin < a.columns; begin += Sums::tile) {
      const int64_t left = (a.columns - begin + 7) / 8 * 8, count = left < Sums::tile ? left : Sums::tile;
      thread.barrier();  // the tile before this one has been added
      const Shared<double> terms = Sums::terms(thread);
      for (int64_t i = thread.index(); i < count; i += thread.width())
        terms[i] = begin + i < a.columns ? weight(a.logits[row + begin + i], largest.value, a.temperature) : 0.0;
      thread.barrier();
      sums.add(thread, count);
    }
    const Shared<double> total = sums.totals(thread);
    if (thread.index() != 0) return;
    const float logit = a.tokens.size() > 0 ? a.logits[row + a.tokens[thread.block()]] : 0.0f;
    a.to[thread.block()] = {total[0], largest.value, logit, largest.not_finite};
  }

 private:
  KVDIFF_DEVICE static double weight(float logit, float largest, double temperature) {
    double weight;
    portable::exponential_of_nonpositive<double, int64_t>(
        (static_cast<double>(logit) - static_cast<double>(largest)) / temperature, weight);
    return weight;
  }
};

// The larger value wins, equals: the lower token; NaN never.
template <class Real>
struct BestToken {
  Real value = 0;
  int64_t token = -1;
  KVDIFF_DEVICE void join(const BestToken& other) {
    if (other.token < 0 || other.value != other.value) return;
    if (token < 0 || other.value > value || (other.value == value && other.token < token)) *this = other;
  }
};

// The largest logits of one row behind `after` in falling order, one block. A row with fewer ends in -1.
struct NextLargest {
  struct Arguments {
    Span<const float> logits;
    Span<TokenLogit> to;
    TokenLogit after;  // token -1: from the largest on
  };
  static constexpr const char* name = "next_largest";
  static constexpr int width = most_threads_of_row;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments&) { return {1, 1, width, width * static_cast<int64_t>(sizeof(BestToken<float>))}; }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    TokenLogit last = a.after;
    for (int64_t place = 0; place < a.to.size(); ++place) {
      BestToken<float> best;
      for (int64_t i = thread.index(); i < a.logits.size(); i += width)
        if (is_behind(last, a.logits[i], i)) best.join({a.logits[i], i});
      best = joined_of_block(thread, best);
      if (best.token >= 0) last = {best.value, static_cast<int32_t>(best.token)};
      if (thread.index() == 0) a.to[place] = {best.value, static_cast<int32_t>(best.token)};
    }
  }

 private:
  KVDIFF_DEVICE static bool is_behind(const TokenLogit& last, float logit, int64_t token) {
    return last.token < 0 || logit < last.logit || (logit == last.logit && token > last.token);
  }
};

// The token of the largest logit / temperature + noise, one block.
struct NoisiestToken {
  struct Arguments {
    Span<const float> logits;
    Span<int32_t> to;  // [1]; 0 where all logits are NaN
    double temperature;
    uint64_t key;  // noise_key()
  };
  static constexpr const char* name = "noisiest_token";
  static constexpr int width = most_threads_of_row;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments&) { return {1, 1, width, width * static_cast<int64_t>(sizeof(BestToken<double>))}; }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    BestToken<double> best;
    for (int64_t i = thread.index(); i < a.logits.size(); i += width)
      best.join({static_cast<double>(a.logits[i]) / a.temperature + gumbel_noise(a.key, i), i});
    best = joined_of_block(thread, best);
    if (thread.index() == 0) a.to[0] = best.token < 0 ? 0 : static_cast<int32_t>(best.token);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
