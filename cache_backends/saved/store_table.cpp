#include "cache_backends/saved/store_table.h"

#include <algorithm>

#include "cache_backends/error.h"

namespace kvdiff {

StoreTable::Entry& StoreTable::entry(const std::shared_ptr<const TokenStore>& store, int64_t low) {
  for (Entry& known : entries_)
    if (known.store == store) return known;
  return entries_.emplace_back(Entry{store, low, low});
}

void StoreTable::add(const TokenRun& run) {
  for (const Segment& segment : run.segments()) {
    const bool whole = segment.store->kind() == StoreKind::block;
    Entry& found = entry(segment.store, whole ? 0 : segment.first);
    if (!whole) found.low = std::min(found.low, segment.first);
    found.high = std::max(found.high, segment.first + segment.count);
  }
}

void StoreTable::add_tail(const std::shared_ptr<const UnitStore>& tail, int64_t end) {
  if (!tail || !tail->has_room_behind(end)) return;
  tail_ = tail;
  tail_end_ = end;
  entry(tail, end);
}

size_t StoreTable::index(const std::shared_ptr<const TokenStore>& store) const {
  for (size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].store == store) return i;
  throw InternalError("a run is saved whose stores are not");
}

void StoreTable::save(ArchiveWriter& out) const {
  out.number(static_cast<int64_t>(entries_.size()));
  for (const Entry& one : entries_) {
    out.number(static_cast<int64_t>(one.store->kind()));
    if (one.store->kind() == StoreKind::units) {
      const bool is_tail = one.store == tail_;
      out.number(is_tail);
      out.number(is_tail ? tail_end_ - one.low : one.high - one.low);
      out.number(is_tail ? tail_->capacity() - one.low : one.high - one.low);
    }
    one.store->save(out, one.low, one.high - one.low);
  }
}

void StoreTable::save(ArchiveWriter& out, const TokenRun& run) const {
  out.number(static_cast<int64_t>(run.segments().size()));
  for (const Segment& segment : run.segments()) {
    const size_t at = index(segment.store);
    out.number(static_cast<int64_t>(at));
    out.number(segment.first - entries_[at].low);
    out.number(segment.count);
    out.number(segment.rows != nullptr);
    if (segment.rows)
      for (const int64_t row : *segment.rows) out.number(row);
  }
}

}  // namespace kvdiff
