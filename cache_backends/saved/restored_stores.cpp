#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "cache_backends/full_precision.h"
#include "cache_backends/saved/store_table.h"

namespace kvdiff {
namespace {

BlockShape with_tokens(BlockShape row, int64_t tokens) {
  row.tokens = tokens;
  return row;
}

// So many things of `size` bytes may still follow.
int64_t most(const ArchiveReader& in, int64_t size) { return in.left() / size; }

}  // namespace

RestoredStores::RestoredStores(ArchiveReader& in, const StoreForm& form) : form_(form) {
  const int64_t count = in.number(0, most(in, sizeof(int64_t)), "stores");
  for (int64_t i = 0; i < count; ++i) {
    switch (static_cast<StoreKind>(in.number(0, form_.codec ? 2 : 0, "a store of kind"))) {
      case StoreKind::full_precision: entries_.push_back(full_precision(in)); break;
      case StoreKind::block: entries_.push_back(block(in)); break;
      case StoreKind::units: entries_.push_back(units(in)); break;
    }
  }
}

RestoredStores::Entry RestoredStores::full_precision(ArchiveReader& in) const {
  const auto dtype = static_cast<Dtype>(in.number(0, static_cast<int64_t>(Dtype::float32), "a dtype of number"));
  if (dtype != form_.stored && dtype != form_.compute) throw_damaged(name_of(dtype), name_of(form_.stored));
  const int64_t token_bytes = form_.row.elements() * static_cast<int64_t>(size_of(dtype));
  const int64_t tokens = in.number(1, most(in, token_bytes), "tokens in full precision:");
  const auto bits = in.raw(static_cast<size_t>(tokens * token_bytes));
  return {std::make_shared<FullPrecisionStore>(with_tokens(form_.row, tokens), dtype, bits), tokens};
}

// Sizes are those that the format has for this shape; all else about codes and scales may be anything.
void RestoredStores::check_sizes(const EncodedView& encoded) const {
  const Bytes found = form_.codec->bytes(encoded), expected = form_.codec->expected_bytes(encoded.shape, encoded.dtype);
  if (found == expected && encoded.zero.empty() == (expected.zeros == 0) && encoded.scale.empty() == (expected.scales == 0)) return;
  throw_damaged(fmt::format("{} bytes of codes, {} of scales, {} of zeros for {} tokens", found.codes, found.scales, found.zeros,
                            encoded.shape.tokens),
                fmt::format("{}, {} and {}", expected.codes, expected.scales, expected.zeros));
}

RestoredStores::Entry RestoredStores::block(ArchiveReader& in) const {
  constexpr int64_t codes_per_byte = 8;  // at most
  const int64_t tokens = in.number(1, codes_per_byte * in.left() / form_.row.elements(), "tokens in a block:");
  EncodedBlock encoded{with_tokens(form_.row, tokens), form_.compute, {}, {}, {}};
  const auto packed = in.bytes();
  encoded.packed.assign(packed.begin(), packed.end());
  encoded.scale = in.floats();
  encoded.zero = in.floats();
  check_sizes(encoded);
  return {std::make_shared<BlockStore>(form_.codec, std::move(encoded)), tokens};
}

RestoredStores::Entry RestoredStores::units(ArchiveReader& in) {
  const bool is_tail = in.flag("a tail flag of") && !tail_;
  const int64_t end = in.number(0, most_unit_room, "a store of units that ends at");
  const int64_t capacity = in.number(std::max<int64_t>(end, 1), most_unit_room, "units' room");
  EncodedBlock unit{form_.row, form_.compute, {}, {}, {}};
  unit.packed.resize(static_cast<size_t>(in.number(0, sizeof(int64_t) * form_.row.elements(), "bytes of a token:")));
  unit.scale.resize(static_cast<size_t>(in.number(0, form_.row.elements(), "scales of a token:")));
  unit.zero.resize(static_cast<size_t>(in.number(0, form_.row.elements(), "zeros of a token:")));
  check_sizes(unit);
  auto store = std::make_shared<UnitStore>(form_.codec, unit, capacity);
  const int64_t tokens = in.number(0, end, "units");
  for (int64_t token = 0; token < tokens; ++token) {
    const auto packed = in.raw(unit.packed.size());
    std::copy(packed.begin(), packed.end(), unit.packed.begin());
    for (auto* part : {&unit.scale, &unit.zero}) {
      const auto bits = in.raw(part->size() * sizeof(float));
      if (!part->empty()) std::memcpy(part->data(), bits.data(), bits.size());
    }
    store->write(token, unit);
  }
  store->claim(0, is_tail ? end : capacity);
  if (is_tail) {
    tail_ = store;
    tail_end_ = end;
  }
  return {store, tokens};
}

TokenRun RestoredStores::run(ArchiveReader& in, bool quantized) const {
  constexpr int64_t segment_bytes = 4 * sizeof(int64_t);
  TokenRun run;
  std::map<int64_t, int64_t> ends;  // of a store: how far the run has read it
  const int64_t count = in.number(0, most(in, segment_bytes), "segments");
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = in.number(0, static_cast<int64_t>(entries_.size()) - 1, "a segment of store");
    const Entry& entry = entries_[static_cast<size_t>(at)];
    if (entry.store->quantized() != quantized)
      throw_damaged(quantized ? "full precision" : "codes", quantized ? "codes there" : "full precision there");
    Segment segment{entry.store, in.number(ends[at], entry.tokens - 1, "a segment from token"), 0, nullptr, 0};
    segment.count = in.number(1, entry.tokens - segment.first, "tokens of a segment:");
    ends[at] = segment.first + segment.count;
    if (in.flag("a reorder flag of")) {
      auto rows = std::make_shared<std::vector<int64_t>>();
      for (int64_t row = 0; row < form_.row.batch; ++row) rows->push_back(in.number(0, form_.row.batch - 1, "sequence"));
      segment.rows = std::move(rows);
    }
    run.append_apart(std::move(segment));
  }
  return run;
}

}  // namespace kvdiff
