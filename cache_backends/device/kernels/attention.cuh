#pragma once
#include "cache_backends/device/kernels/formats.cuh"

// Attention over the pages of a cache, codes and all: harness/model/attention.cpp on a device. The tokens of a sequence lie in
// segments, each of one Format; scores and weighed values are computed segment by segment, the softmax between them at once.
// Query (row, head) sees the tokens before first_visible + row. Queries and outputs are [rows, heads, head_size], logits and
// probabilities [rows, heads, stride].
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

struct AttentionRows {
  int64_t rows, heads, kv_heads, head_size, stride, first_visible;
  KVDIFF_SHARED_CODE int64_t group() const { return heads / kv_heads; }
  KVDIFF_SHARED_CODE int64_t queries() const { return rows * group(); }  // that share a KV head
  // Query q of a KV head, as a place among [rows, heads].
  KVDIFF_SHARED_CODE int64_t place(int64_t kv_head, int64_t q) const {
    return q / group() * heads + kv_head * group() + q % group();
  }
  KVDIFF_SHARED_CODE int64_t visible(int64_t q) const { return first_visible + q / group(); }
};

// Tokens [first, first + count) of a store stand at `position` of the sequence. row0: the store's row of the first KV head.
struct Segment {
  int64_t first, count, position, row0;
};

constexpr int query_tile = 8;  // queries that share one reading of a token

// logits[q][t] = scale * sum over d of query[q][d] * key[t][d]. A thread per token and tile of queries.
template <class Format>
struct Scores {
  struct Arguments {
    Format keys;
    Span<const float> query;
    Span<float> logits;
    AttentionRows shape;
    Segment segment;
    float scale;
  };
  static constexpr const char* name = "attention_scores";
  static constexpr int width = 128;
  static constexpr bool cooperates = true;
  static Geometry geometry(const Arguments& a) {
    return {blocks_for(a.segment.count, width), a.shape.kv_heads * blocks_for(a.shape.queries(), query_tile), width,
            4 * query_tile * a.shape.head_size};
  }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t tiles = (a.shape.queries() + query_tile - 1) / query_tile, size = a.shape.head_size;
    const int64_t kv_head = thread.block_y() / tiles, first = thread.block_y() % tiles * query_tile;
    Shared<float> query = thread.shared<float>(0, query_tile * size);
    for (int64_t i = thread.index(); i < query_tile * size; i += width) {
      const int64_t q = first + i / size;
      query[i] = q < a.shape.queries() ? a.query[a.shape.place(kv_head, q) * size + i % size] : 0.0f;
    }
    thread.barrier();
    const int64_t t = thread.global();
    if (t >= a.segment.count) return;
    float total[query_tile] = {};
    add_channels(a, query, kv_head, a.segment.first + t, total);
    for (int q = 0; q < query_tile; ++q)
      if (first + q < a.shape.queries() && a.segment.position + t < a.shape.visible(first + q))
        a.logits[a.shape.place(kv_head, first + q) * a.shape.stride + a.segment.position + t] = a.scale * total[q];
  }

 private:
  KVDIFF_DEVICE static void add_channels(const Arguments& a, const Shared<float>& query, int64_t kv_head, int64_t token,
                                         float (&total)[query_tile]) {
    const int64_t size = a.shape.head_size;
    for (int64_t begin = 0; begin < size; begin += reduction_chunk) {
      float sum[query_tile] = {};
      for (int64_t d = begin; d < size && d < begin + reduction_chunk; ++d) {
        const float key = a.keys(a.segment.row0 + kv_head, token, d);
        KVDIFF_UNROLL
        for (int q = 0; q < query_tile; ++q) sum[q] = fma(query[q * size + d], key, sum[q]);
      }
      KVDIFF_UNROLL
      for (int q = 0; q < query_tile; ++q) total[q] = begin == 0 ? sum[q] : total[q] + sum[q];
    }
  }
};

// sums[chunk][q][d]: fma(probability, value, sum) over the tokens of a chunk, ascending. A segment that begins within a chunk
// goes on from what the one before it left there. A thread per channel, chunk and tile of queries.
template <class Format>
struct Weigh {
  struct Arguments {
    Format values;
    Span<const float> probabilities;
    Span<float> sums;  // [chunks of 256 tokens, rows, heads, head_size]
    AttentionRows shape;
    Segment segment;
  };
  static constexpr const char* name = "attention_values";
  static constexpr int width = 64;
  static constexpr bool cooperates = false;
  KVDIFF_SHARED_CODE static int64_t first_chunk(const Arguments& a) { return a.segment.position / reduction_chunk; }
  KVDIFF_SHARED_CODE static int64_t tiles(const Arguments& a) { return (a.shape.queries() + query_tile - 1) / query_tile; }
  static Geometry geometry(const Arguments& a) {
    const int64_t chunks = blocks_for(a.segment.position + a.segment.count, reduction_chunk) - first_chunk(a);
    return {chunks * a.shape.kv_heads * tiles(a), blocks_for(a.shape.head_size, width), width, 0};
  }

  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t d = thread.block_y() * width + thread.index();
    if (d >= a.shape.head_size) return;
    const int64_t tile = thread.block() % tiles(a), kv_head = thread.block() / tiles(a) % a.shape.kv_heads;
    add_chunk(a, first_chunk(a) + thread.block() / tiles(a) / a.shape.kv_heads, kv_head, tile * query_tile, d);
  }

 private:
  KVDIFF_DEVICE static void add_chunk(const Arguments& a, int64_t chunk, int64_t kv_head, int64_t first, int64_t d) {
    const AttentionRows& shape = a.shape;
    const int64_t chunk_start = chunk * reduction_chunk, begin = a.segment.position, end = begin + a.segment.count;
    const int64_t from = chunk_start > begin ? chunk_start : begin;
    const int64_t to = chunk_start + reduction_chunk < end ? chunk_start + reduction_chunk : end;
    float sum[query_tile];
    int64_t place[query_tile], visible[query_tile];
    KVDIFF_UNROLL
    for (int q = 0; q < query_tile; ++q) {
      const bool there = first + q < shape.queries();
      place[q] = there ? shape.place(kv_head, first + q) : 0;
      visible[q] = there ? shape.visible(first + q) : 0;
      sum[q] = there && from > chunk_start ? a.sums[(chunk * shape.rows * shape.heads + place[q]) * shape.head_size + d] : 0.0f;
    }
    for (int64_t t = from; t < to; ++t) {
      const float value = a.values(a.segment.row0 + kv_head, a.segment.first + t - begin, d);
      KVDIFF_UNROLL
      for (int q = 0; q < query_tile; ++q)
        if (t < visible[q]) sum[q] = fma(a.probabilities[place[q] * shape.stride + t], value, sum[q]);
    }
    KVDIFF_UNROLL
    for (int q = 0; q < query_tile; ++q)
      if (visible[q] > 0) a.sums[(chunk * shape.rows * shape.heads + place[q]) * shape.head_size + d] = sum[q];
  }
};

// Tokens of a segment as numbers. Token t of row r goes to (at + r * row_apart + t * token_apart) * head_size of `out`.
template <class Format>
struct Decode {
  struct Arguments {
    Format values;
    Span<float> out;
    int64_t row, rows, first, count, head_size, row_apart, token_apart, at;
  };
  static constexpr const char* name = "decode";
  static constexpr int width = 256;
  static constexpr bool cooperates = false;
  static Geometry geometry(const Arguments& a) { return {blocks_for(a.rows * a.count * a.head_size, width), 1, width, 0}; }
  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t i = thread.global();
    if (i >= a.rows * a.count * a.head_size) return;
    const int64_t d = i % a.head_size, t = i / a.head_size % a.count, row = i / a.head_size / a.count;
    a.out[(a.at + row * a.row_apart + t * a.token_apart) * a.head_size + d] = a.values(a.row + row, a.first + t, d);
  }
};

// One row per family of codecs in formats.cuh.
#define KVDIFF_NAME_FORMAT(Name)               \
  using Scores##Name = Scores<Name##Format>;   \
  using Weigh##Name = Weigh<Name##Format>;     \
  using Decode##Name = Decode<Name##Format>;
KVDIFF_FORMATS(KVDIFF_NAME_FORMAT)
#undef KVDIFF_NAME_FORMAT

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
