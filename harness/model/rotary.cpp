#include "harness/model/rotary.h"

#include <algorithm>

namespace kvdiff {
namespace {

constexpr int64_t rows_at_once = 256;
constexpr size_t dynamic_rows_kept = 65536;

}  // namespace

Rotary::Rotary(const RopeConfig& config, int64_t head_size, Dtype dtype)
    : config_(config), head_size_(head_size), dtype_(dtype), frequencies_(rope_frequencies(config, head_size)) {}

bool Rotary::rescaled(int64_t length) const {
  return config_.type == RopeType::dynamic && length > config_.max_positions;
}

Rotary::Row Rotary::make_row(const RopeTable& table, int64_t index) const {
  Row row;
  for (const std::vector<float>* part : {&table.cosine, &table.sine})
    for (int64_t pair = 0; pair < table.pairs; ++pair)
      row.push_back(round_to(dtype_, (*part)[static_cast<size_t>(index * table.pairs + pair)]));
  return row;
}

void Rotary::prepare(int64_t position, int64_t length) {
  if (rescaled(length)) {
    if (dynamic_.size() > dynamic_rows_kept) dynamic_.clear();
    const auto key = std::make_pair(length, position);
    if (!dynamic_.contains(key))
      dynamic_[key] = make_row(make_rope_table(dynamic_rope_frequencies(config_, head_size_, length), position, 1), 0);
    return;
  }
  while (static_cast<int64_t>(rows_.size()) <= position) {
    const RopeTable table = make_rope_table(frequencies_, static_cast<int64_t>(rows_.size()), rows_at_once);
    for (int64_t i = 0; i < rows_at_once; ++i) rows_.push_back(make_row(table, i));
  }
}

std::span<const float> Rotary::angles(int64_t position, int64_t length) const {
  return rescaled(length) ? dynamic_.at({length, position}) : rows_[static_cast<size_t>(position)];
}

}  // namespace kvdiff
