#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cache_backends/kv_cache.h"
#include "cache_backends/schedules/schedule.h"
#include "cache_backends/side_memory.h"
#include "cache_backends/token_run.h"

namespace kvdiff {

// What never changes about one side of one layer.
struct SidePlan {
  Side side = Side::key;
  BlockShape row;                       // [B, H, 1, D]: one token
  Dtype compute = Dtype::float16;       // what K and V come in
  Dtype stored = Dtype::float16;        // what the residual (or a full-precision history) is kept in
  std::shared_ptr<const Codec> codec;   // null: full precision
  const ScheduleRow* schedule = nullptr;
  int64_t residual_length = 0;
  bool prefill_reads_codes = false;
  int64_t rotation = 0;                 // rotation.h: channels per block; 0: K and V are kept as they come
  const SideMemory* memory = &host_memory();
  bool one_shot = false;                // make_one_shot_cache: a history is encoded from what was given, each time anew
};

// What happened so far, for the receipt.
struct SideActivity {
  int64_t flushes = 0, encoded_elements = 0, most_encodings = 0, quantized_reads = 0;
  SharedTotals errors;  // null: nothing was encoded
  EncodingErrors read_errors() const { return errors ? errors->read() : EncodingErrors{}; }
};

// One side of one layer: an encoded prefix, then the residual. A value: copies are independent and share what they hold.
class SideCache {
 public:
  explicit SideCache(std::shared_ptr<const SidePlan> plan) : plan_(std::move(plan)) {}

  // values [B, H, n, D]. Says what the peer makes of the history that was encoded, if it was.
  PeerVerdict append(std::span<const float> given, int64_t n);
  void settle() { view_.reset(); }
  void crop(int64_t tokens);
  void reorder(const Rows& rows);
  void count_read() { activity_.quantized_reads += seen_encoded().tokens(); }

  int64_t tokens() const { return encoded_.tokens() + residual_.tokens(); }
  // What is held in full precision, open to faults/peer_cache_faults: whoever changes it alone breaks the cache.
  TokenRun& residual() {
    settle();
    return residual_;
  }
  // What attention reads: encoded, then in full precision.
  const TokenRun& seen_encoded() const { return view_ ? view_->encoded : encoded_; }
  const TokenRun& seen_residual() const { return view_ ? view_->residual : residual_; }
  int64_t seen_rotation() const { return view_ && view_->as_given ? 0 : plan_->rotation; }
  VisibleEncoding visible_encoding() const { return view_ ? encoding_before_view_ : latest_encoding_; }
  Bytes bytes() const;
  SideReceipt receipt() const;
  // All of it, and another that goes on where it was saved: side_cache_saved.cpp. Throws UserError(input) for what save() never writes.
  void save(ArchiveWriter& out) const;
  SideCache restored(ArchiveReader& in) const;  // by the same plan

 private:
  void restore_codec(ArchiveReader& in);
  void restore_runs(ArchiveReader& in);
  void check_restored() const;
  struct View {
    TokenRun encoded, residual;
    bool as_given = false;  // before rotation and rounding
  };
  // Of n fresh tokens, the first `together` get one store; then each store has room for `later`.
  struct Chunks {
    int64_t together, later;
  };
  bool reads_new_codes(bool first, int64_t n) const;
  View view_as_given(std::span<const float> values, int64_t n) const;
  void push(std::span<const float> values, int64_t n, const Chunks& chunks);
  Chunks chunks_for(const FlushPlan& plan, int64_t n) const;
  PeerVerdict flush(const FlushPlan& plan);
  PeerVerdict encode_history();
  void encode_block(int64_t tokens);
  void encode_tokens(int64_t tokens);
  void write_units(const Encoded& encoded, int64_t units, int64_t still_to_come);
  std::unique_ptr<Encoded> encode(std::span<const float> values, const BlockShape& shape, int64_t units = 1);

  std::shared_ptr<const SidePlan> plan_;
  std::shared_ptr<const Codec> codec_;  // with frozen scales, once they are; else null until the first append
  TokenRun encoded_, residual_;
  TokenRun given_;  // one_shot: all that is held, in full precision
  VisibleEncoding latest_encoding_, encoding_before_view_;
  std::optional<View> view_;  // of the last append, where it is not what is held
  std::shared_ptr<FullStore> residual_tail_;
  std::shared_ptr<TokenRoom> unit_tail_;
  int64_t residual_end_ = 0, unit_end_ = 0;  // first free places of the tails
  SideActivity activity_;
};

}  // namespace kvdiff
