#include <fmt/format.h>

#include "cache_backends/saved/store_table.h"
#include "cache_backends/side_cache.h"

namespace kvdiff {
namespace {

constexpr int64_t any = int64_t{1} << 62;

// The codec of a side: none yet, the plan's, the plan's with the scales of the first append.
enum class CodecState { none, planned, frozen };

void save_encoding(ArchiveWriter& out, const VisibleEncoding& encoding) {
  for (const int64_t value : {encoding.count, encoding.first, encoding.tokens}) out.number(value);
}

VisibleEncoding restored_encoding(ArchiveReader& in) {
  VisibleEncoding encoding;
  encoding.count = in.number(0, any, "encodings:");
  encoding.first = in.number(0, any, "first encoded token");
  encoding.tokens = in.number(0, any, "encoded tokens:");
  return encoding;
}

void save_activity(ArchiveWriter& out, const SideActivity& activity) {
  const EncodingErrors errors = activity.read_errors();
  for (const int64_t value : {activity.flushes, activity.encoded_elements, activity.most_encodings, activity.quantized_reads,
                              errors.out_of_band, errors.not_finite})
    out.number(value);
  out.real(errors.largest);
  out.real(errors.bound);
}

SideActivity restored_activity(ArchiveReader& in, const SideMemory& memory) {
  SideActivity activity;
  EncodingErrors errors;
  for (int64_t* value : {&activity.flushes, &activity.encoded_elements, &activity.most_encodings, &activity.quantized_reads,
                         &errors.out_of_band, &errors.not_finite})
    *value = in.number(0, any, "a count of");
  errors.largest = in.real();
  errors.bound = in.real();
  activity.errors = memory.totals(errors);
  return activity;
}

}  // namespace

// The residual's tail is not kept: who goes on begins a new one, and nothing tells.
void SideCache::save(ArchiveWriter& out) const {
  const bool frozen = codec_ && codec_ != plan_->codec;
  out.number(static_cast<int64_t>(frozen ? CodecState::frozen : codec_ ? CodecState::planned : CodecState::none));
  if (frozen) {
    const SharedScales scales = codec_->shared_scales();
    out.floats(scales.scale);
    out.floats(scales.zero);
  }
  StoreTable stores;
  for (const TokenRun* run : {&encoded_, &residual_, &given_}) stores.add(*run);
  if (view_) stores.add(view_->encoded), stores.add(view_->residual);
  stores.add_tail(std::dynamic_pointer_cast<const UnitStore>(unit_tail_), unit_end_);
  stores.save(out);
  for (const TokenRun* run : {&encoded_, &residual_, &given_}) stores.save(out, *run);
  out.number(view_.has_value());
  if (view_) {
    out.number(view_->as_given);
    stores.save(out, view_->encoded);
    stores.save(out, view_->residual);
  }
  save_encoding(out, latest_encoding_);
  save_encoding(out, encoding_before_view_);
  save_activity(out, activity_);
}

void SideCache::restore_codec(ArchiveReader& in) {
  const auto most = static_cast<int64_t>(plan_->codec ? CodecState::frozen : CodecState::none);
  const auto state = static_cast<CodecState>(in.number(0, most, "a codec's state of"));
  if (state == CodecState::planned) codec_ = plan_->codec;
  if (state != CodecState::frozen) return;
  SharedScales scales;
  scales.scale = in.floats();
  scales.zero = in.floats();
  codec_ = plan_->codec->with_scales(scales, plan_->row);
  if (!codec_) throw_damaged(fmt::format("{} frozen scales, {} zeros", scales.scale.size(), scales.zero.size()), "those of one block");
}

void SideCache::restore_runs(ArchiveReader& in) {
  const RestoredStores stores(in, {plan_->row, plan_->compute, plan_->stored, codec_});
  encoded_ = stores.run(in, true);
  residual_ = stores.run(in, false);
  given_ = stores.run(in, false);
  if (in.flag("a view flag of")) {
    View view;
    view.as_given = in.flag("a view's flag of");
    view.encoded = stores.run(in, true);
    view.residual = stores.run(in, false);
    view_ = std::move(view);
  }
  unit_tail_ = stores.tail();
  unit_end_ = stores.tail_end();
}

void SideCache::check_restored() const {
  const auto require = [](std::string_view what, int64_t found, int64_t expected) {
    if (found != expected) throw_damaged(fmt::format("{} {}", found, what), fmt::to_string(expected));
  };
  if (view_) require("tokens that are seen", view_->encoded.tokens() + view_->residual.tokens(), tokens());
  require("tokens as given", given_.tokens(), plan_->one_shot ? tokens() : 0);
  if (plan_->codec && !codec_) require("tokens before any append", tokens(), 0);
}

SideCache SideCache::restored(ArchiveReader& in) const {
  SideCache side(plan_);
  side.restore_codec(in);
  side.restore_runs(in);
  side.check_restored();
  side.latest_encoding_ = restored_encoding(in);
  side.encoding_before_view_ = restored_encoding(in);
  side.activity_ = restored_activity(in, *plan_->memory);
  return side;
}

}  // namespace kvdiff
