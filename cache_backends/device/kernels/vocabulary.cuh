#pragma once
#include "cache_backends/device/kernels/reduction.cuh"
#include "cache_backends/device/kernels/row_figures.h"

namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// The largest logit and the runner-up. NaN and -infinity are never taken; equals: the lowest id.
struct TopTwoOfRow {
  float best = -infinity(), second = -infinity();
  int64_t token = -1;

  KVDIFF_DEVICE void join(const TopTwoOfRow& other) {
    const bool wins = other.best > best || (other.best == best && other.token >= 0 && other.token < token);
    const float loser = wins ? best : other.best, seconds = other.second > second ? other.second : second;
    second = loser > seconds ? loser : seconds;
    if (!wins) return;
    best = other.best;
    token = other.token;
  }
  KVDIFF_DEVICE static TopTwoOfRow one(float logit, int64_t token) {
    TopTwoOfRow made;
    if (!(logit > -infinity())) return made;
    made.best = logit;
    made.token = token;
    return made;
  }
};

struct TopTwoOfPair {
  TopTwoOfRow reference, candidate;
  KVDIFF_DEVICE void join(const TopTwoOfPair& other) {
    reference.join(other.reference);
    candidate.join(other.candidate);
  }
};

struct Count {
  int64_t value = 0;
  KVDIFF_DEVICE void join(const Count& other) { value += other.value; }
};

// One step's logits on both sides, one block. Its twin: vocabulary_figures of harness/metrics/vocabulary.h.
struct CompareVocabularies {
  struct Arguments {
    Span<const float> reference, candidate;  // [vocabulary]
    Span<VocabularyFigures> to;              // [1]
    int64_t followed_token;                  // -1: none
  };
  static constexpr const char* name = "compare_vocabularies";
  static constexpr int width = most_threads_of_row;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments&) { return {1, 1, width, width * static_cast<int64_t>(sizeof(TopTwoOfPair))}; }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    TopTwoOfPair top;
    for (int64_t i = thread.index(); i < a.reference.size(); i += width)
      top.join({TopTwoOfRow::one(a.reference[i], i), TopTwoOfRow::one(a.candidate[i], i)});
    top = joined_of_block(thread, top);
    const int64_t token = top.candidate.token;
    Count above;
    if (token >= 0 && token != top.reference.token) above = above_of_thread(a, thread, token);
    above = joined_of_block(thread, above);
    if (thread.index() != 0) return;
    const ValuePair none{0, 0};
    a.to[0] = {top.reference.token, token, above.value, top.reference.best, top.reference.second, top.candidate.best,
               top.candidate.second, token >= 0 ? a.reference[token] : 0.0f,
               a.followed_token >= 0 ? ValuePair{a.reference[a.followed_token], a.candidate[a.followed_token]} : none, 0};
  }

 private:
  // How many logits are larger, or equal with a lower id.
  KVDIFF_DEVICE static Count above_of_thread(const Arguments& a, Thread& thread, int64_t token) {
    const float value = a.reference[token];
    Count above;
    for (int64_t i = thread.index(); i < a.reference.size(); i += width)
      above.value += i < token ? a.reference[i] >= value : a.reference[i] > value;
    return above;
  }
};

// The token of the largest logit of each row, a block per row. Its twin: greedy_token of harness/run/sampling.h.
struct LargestToken {
  struct Arguments {
    Span<const float> logits;  // [rows, columns]
    Span<int32_t> to;          // [rows]
    int64_t columns;
  };
  static constexpr const char* name = "largest_token";
  static constexpr int width = most_threads_of_row;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments& a) {
    return {a.to.size(), 1, width, width * static_cast<int64_t>(sizeof(TopTwoOfRow))};
  }
  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    TopTwoOfRow top;
    const int64_t row = thread.block() * a.columns;
    for (int64_t i = thread.index(); i < a.columns; i += width) top.join(TopTwoOfRow::one(a.logits[row + i], i));
    top = joined_of_block(thread, top);
    if (thread.index() == 0) a.to[thread.block()] = top.token < 0 ? 0 : static_cast<int32_t>(top.token);
  }
};

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
