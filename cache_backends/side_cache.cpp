#include "cache_backends/side_cache.h"

#include <algorithm>

#include "cache_backends/receipt.h"
#include "cache_backends/saved/store_table.h"

namespace kvdiff {
namespace {

// Residual tokens leave in order, so small chunks give their memory back soon; a history that stays grows in larger ones, and
// what leaves at once lies in one.
constexpr int64_t smallest_chunk = 64;
constexpr int64_t largest_chunk = most_unit_room;

BlockShape with_tokens(BlockShape row, int64_t tokens) {
  row.tokens = tokens;
  return row;
}

std::span<const float> span_of(const Floats& values, const BlockShape& shape) {
  return {values.get(), static_cast<size_t>(shape.elements())};
}

bool loses(Dtype stored, Dtype compute) { return stored != compute && stored != Dtype::float32; }

}  // namespace

bool SideCache::reads_new_codes(bool first, int64_t n) const {
  if (plan_->prefill_reads_codes && (first || n > 1)) return true;
  return !first && plan_->schedule->reads_new_codes;
}

SideCache::View SideCache::view_as_given(std::span<const float> values, int64_t n) const {
  auto store = plan_->memory->full_store(with_tokens(plan_->row, n), plan_->compute);
  store->write(values, n, 0, 0, n);
  View view;
  view.as_given = true;
  view.residual.append(std::move(store), 0, n);
  return view;
}

SideCache::Chunks SideCache::chunks_for(const FlushPlan& plan, int64_t n) const {
  if (plan.history) return {n, n};  // only the view of this update holds it
  if (plan_->codec) return {std::clamp<int64_t>(plan.tokens - residual_.tokens(), 0, n), smallest_chunk};
  return {0, std::max(n, std::clamp(tokens() / 8, smallest_chunk, largest_chunk))};
}

PeerVerdict SideCache::append(std::span<const float> given, int64_t n) {
  settle();
  Floats own;
  if (plan_->rotation > 0) own = plan_->memory->rotated(given, plan_->rotation, plan_->compute);
  const std::span<const float> values = own ? std::span<const float>(own.get(), given.size()) : given;
  encoding_before_view_ = latest_encoding_;
  const bool first = tokens() == 0;
  if (first && plan_->codec) {
    codec_ = plan_->memory->frozen(*plan_->codec, values, with_tokens(plan_->row, n), plan_->compute);
    if (!codec_) codec_ = plan_->codec;
  }
  const FlushPlan plan = plan_->schedule->plan({.side = plan_->side,
                                                .first = first,
                                                .residual = residual_.tokens(),
                                                .fresh = n,
                                                .residual_length = plan_->residual_length,
                                                .shares_scale = codec_ && codec_->shares_scale()});
  push(values, n, chunks_for(plan, n));
  if (!reads_new_codes(first, n)) {
    const bool changed = loses(plan_->stored, plan_->compute) || plan_->rotation > 0;
    if (first && changed) view_ = view_as_given(given, n);
    else if (plan.any()) view_ = View{encoded_, residual_, false};
  }
  return flush(plan);
}

void SideCache::push(std::span<const float> values, int64_t n, const Chunks& chunks) {
  for (int64_t source = 0; source < n;) {
    const bool room = residual_tail_ && residual_end_ < residual_tail_->capacity();
    int64_t count = room ? std::min(n - source, residual_tail_->capacity() - residual_end_) : 0;
    if (!room || !residual_tail_->claim(residual_end_, count)) {
      const int64_t chunk = std::max(chunks.together - source, chunks.later);
      residual_tail_ = plan_->memory->full_store(with_tokens(plan_->row, chunk), plan_->stored);
      residual_end_ = 0;
      count = std::min(n - source, chunk);
      residual_tail_->claim(0, count);
    }
    residual_tail_->write(values, n, source, residual_end_, count);
    residual_.append(residual_tail_, residual_end_, count);
    if (plan_->one_shot) given_.append(residual_tail_, residual_end_, count);
    residual_end_ += count;
    source += count;
  }
}

PeerVerdict SideCache::flush(const FlushPlan& plan) {
  if (!plan.any()) return {};
  ++activity_.flushes;
  latest_encoding_ = {latest_encoding_.count + 1, plan.history ? 0 : encoded_.tokens(),
                      plan.history ? tokens() : plan.tokens};
  if (plan.history) return encode_history();
  activity_.most_encodings = 1;
  if (plan.unit == 1) {
    encode_tokens(plan.tokens);
    return {};
  }
  for (int64_t done = 0; done < plan.tokens; done += plan.unit) encode_block(plan.unit);
  return {};
}

PeerVerdict SideCache::encode_history() {
  const BlockShape shape = with_tokens(plan_->row, tokens());
  const Floats values = plan_->memory->floats(shape.elements());
  if (plan_->one_shot) {
    plan_->memory->gather(given_, plan_->row, 0, shape.tokens, {values.get(), shape.tokens});
  } else {
    const int64_t before = encoded_.tokens();
    plan_->memory->gather(encoded_, plan_->row, 0, before, {values.get(), shape.tokens});
    plan_->memory->gather(residual_, plan_->row, 0, residual_.tokens(), {values.get() + before * shape.head_size, shape.tokens});
  }
  auto block = plan_->memory->block_store(codec_, encode(span_of(values, shape), shape));
  encoded_.clear();
  residual_.clear();
  residual_tail_.reset();
  encoded_.append(std::move(block), 0, shape.tokens);
  ++activity_.most_encodings;
  return codec_->peer_verdict(shape);
}

void SideCache::encode_block(int64_t tokens) {
  const BlockShape shape = with_tokens(plan_->row, tokens);
  const Floats values = plan_->memory->floats(shape.elements());
  plan_->memory->gather(residual_, plan_->row, 0, tokens, {values.get(), tokens});
  encoded_.append(plan_->memory->block_store(codec_, encode(span_of(values, shape), shape)), 0, tokens);
  residual_.drop_front(tokens);
}

std::unique_ptr<Encoded> SideCache::encode(std::span<const float> values, const BlockShape& shape, int64_t units) {
  std::unique_ptr<Encoded> encoded = plan_->memory->encode(codec_, values, shape, plan_->compute);
  activity_.errors = plan_->memory->judged(activity_.errors, codec_, values, *encoded, units);
  activity_.encoded_elements += shape.elements();
  return encoded;
}

void SideCache::encode_tokens(int64_t tokens) {
  const int64_t at_once = plan_->memory->encodes_units_at_once(codec_) ? tokens : 1;
  BlockShape shape = plan_->row;
  shape.batch *= at_once;
  const Floats values = plan_->memory->floats(shape.elements());
  for (int64_t token = 0; token < tokens; token += at_once) {
    plan_->memory->gather(residual_, plan_->row, token, at_once, {values.get(), 1, plan_->row.batch * plan_->row.heads});
    write_units(*encode(span_of(values, shape), shape, at_once), at_once, tokens - token);
  }
  residual_.drop_front(tokens);
  if (residual_.tokens() == 0 && residual_end_ == residual_tail_->capacity()) residual_tail_.reset();  // as large as a prompt
}

void SideCache::write_units(const Encoded& encoded, int64_t units, int64_t still_to_come) {
  for (int64_t done = 0; done < units;) {
    int64_t count = unit_tail_ ? std::min(units - done, unit_tail_->capacity() - unit_end_) : 0;
    if (count == 0 || !unit_tail_->claim(unit_end_, count)) {
      const int64_t capacity = std::clamp(still_to_come - done, smallest_chunk, largest_chunk);
      unit_tail_ = plan_->memory->token_room(codec_, encoded, units, capacity);
      unit_end_ = 0;
      count = std::min(units - done, capacity);
      unit_tail_->claim(0, count);
    }
    unit_tail_->write(unit_end_, encoded, {units, done, count});
    encoded_.append(unit_tail_, unit_end_, count);
    unit_end_ += count;
    done += count;
  }
}

void SideCache::crop(int64_t tokens) {
  settle();
  if (tokens == 0) {
    *this = SideCache(plan_);
    return;
  }
  residual_.crop(std::max<int64_t>(0, tokens - encoded_.tokens()));
  encoded_.crop(std::min(tokens, encoded_.tokens()));
  if (plan_->one_shot) given_.crop(tokens);
}

void SideCache::reorder(const Rows& rows) {
  settle();
  encoded_.reorder(rows);
  residual_.reorder(rows);
  given_.reorder(rows);
}

Bytes SideCache::bytes() const {
  Bytes total = encoded_.bytes();
  total += residual_.bytes();
  if (codec_) total += codec_->shared_bytes();
  return total;
}

SideReceipt SideCache::receipt() const {
  SideReceipt receipt;
  receipt.tokens_quantized = encoded_.tokens();
  receipt.tokens_residual = residual_.tokens();
  receipt.flushes = activity_.flushes;
  receipt.encoded_elements = activity_.encoded_elements;
  receipt.largest_requantized = activity_.most_encodings;
  receipt.distinct_codes = distinct_codes(encoded_);
  receipt.quantized_reads = activity_.quantized_reads;
  const EncodingErrors errors = activity_.read_errors();
  receipt.largest_error = errors.largest;
  receipt.error_bound = errors.bound;
  receipt.out_of_band = errors.out_of_band;
  receipt.not_finite = errors.not_finite;
  receipt.measured = bytes();
  receipt.expected = encoded_.expected_bytes();
  receipt.expected += residual_.expected_bytes();
  if (codec_) receipt.expected += codec_->shared_bytes();
  return receipt;
}

}  // namespace kvdiff
