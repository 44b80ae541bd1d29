#include "cache_backends/token_run.h"

#include <algorithm>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

class RunPage : public KvPage {
 public:
  RunPage(TokenRun run, bool quantized, int64_t head_size)
      : run_(std::move(run)), quantized_(quantized), head_size_(head_size) {}
  int64_t tokens() const override { return run_.tokens(); }
  bool quantized() const override { return quantized_; }
  const TokenRun* run() const override { return &run_; }
  void decode(int64_t sequence, int64_t head, int64_t first, int64_t count, float* out) const override {
    run_.decode(sequence, head, first, count, head_size_, out);
  }

 private:
  const TokenRun run_;
  const bool quantized_;
  const int64_t head_size_;
};

}  // namespace

void TokenRun::append(std::shared_ptr<const TokenStore> store, int64_t first, int64_t count) {
  const int64_t place = dropped_ + tokens_;
  tokens_ += count;
  if (!segments_.empty()) {
    Segment& last = segments_.back();
    if (last.store == store && !last.rows && last.first + last.count == first) {
      last.count += count;
      return;
    }
  }
  segments_.push_back({std::move(store), first, count, nullptr, place});
}

void TokenRun::append_apart(Segment segment) {
  segment.place = dropped_ + tokens_;
  tokens_ += segment.count;
  segments_.push_back(std::move(segment));
}

void TokenRun::crop(int64_t tokens) {
  while (tokens_ > tokens) {
    Segment& last = segments_.back();
    const int64_t away = std::min(last.count, tokens_ - tokens);
    last.count -= away;
    tokens_ -= away;
    if (last.count == 0) segments_.pop_back();
  }
}

void TokenRun::drop_front(int64_t tokens) {
  tokens_ -= tokens;
  dropped_ += tokens;
  auto kept = segments_.begin();
  for (; kept != segments_.end() && tokens >= kept->count; ++kept) tokens -= kept->count;
  segments_.erase(segments_.begin(), kept);
  if (tokens == 0) return;
  segments_.front().first += tokens;
  segments_.front().count -= tokens;
  segments_.front().place += tokens;
}

void TokenRun::clear() {
  segments_.clear();
  tokens_ = dropped_ = 0;
}

void TokenRun::reorder(const Rows& rows) {
  for (Segment& segment : segments_) {
    if (!segment.rows) {
      segment.rows = rows;
      continue;
    }
    std::vector<int64_t> composed;
    for (const int64_t row : *rows) composed.push_back((*segment.rows)[static_cast<size_t>(row)]);
    segment.rows = std::make_shared<const std::vector<int64_t>>(std::move(composed));
  }
}

void TokenRun::decode(int64_t sequence, int64_t head, int64_t first, int64_t count, int64_t head_size,
                      float* out) const {
  if (first < 0 || count < 0 || first + count > tokens_) throw InternalError("a page was read beyond its tokens");
  const int64_t place = first + dropped_;
  auto segment = std::upper_bound(segments_.begin(), segments_.end(), place,
                                  [](int64_t wanted, const Segment& next) { return wanted < next.place; });
  for (int64_t skip = count > 0 ? place - (--segment)->place : 0; count > 0; ++segment, skip = 0) {
    const int64_t here = std::min(count, segment->count - skip);
    const int64_t row = segment->rows ? (*segment->rows)[static_cast<size_t>(sequence)] : sequence;
    segment->store->decode(row, head, segment->first + skip, here, out);
    out += here * head_size;
    count -= here;
  }
}

Bytes TokenRun::bytes() const {
  Bytes total;
  for (const Segment& segment : segments_) total += segment.store->bytes(segment.count);
  return total;
}

Bytes TokenRun::expected_bytes() const {
  Bytes total;
  for (const Segment& segment : segments_) total += segment.store->expected_bytes(segment.count);
  return total;
}

void gather(const TokenRun& run, const BlockShape& row, int64_t first, int64_t count, int64_t stride, float* out) {
  for (int64_t sequence = 0; sequence < row.batch; ++sequence) {
    for (int64_t head = 0; head < row.heads; ++head) {
      float* place = out + (sequence * row.heads + head) * stride * row.head_size;
      run.decode(sequence, head, first, count, row.head_size, place);
    }
  }
}

std::shared_ptr<const KvPage> make_page(TokenRun run, bool quantized, int64_t head_size) {
  return std::make_shared<RunPage>(std::move(run), quantized, head_size);
}

}  // namespace kvdiff
