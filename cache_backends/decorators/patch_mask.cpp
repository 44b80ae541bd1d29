#include "cache_backends/decorators/patch_mask.h"

#include <algorithm>

namespace kvdiff {
namespace {

bool holds(const std::vector<int64_t>& list, int64_t value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

bool in_ranges(const std::vector<std::pair<int64_t, int64_t>>& ranges, int64_t token) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
    return range.first <= token && token <= range.second;
  });
}

struct Mean {
  double sum = 0;
  int64_t count = 0;
  void add(float value) {
    sum += value;
    ++count;
  }
  float value() const { return count > 0 ? static_cast<float>(sum / static_cast<double>(count)) : 0.0f; }
};

// One token of one sequence: [H, D], heads `stride` elements apart.
struct Token {
  float* values;
  int64_t stride, position;
};

void withhold_token(const CacheShape& shape, const PatchMask& mask, const Token& token) {
  const auto heads = static_cast<size_t>(shape.heads), size = static_cast<size_t>(shape.head_size);
  std::vector<std::vector<char>> marks(heads, std::vector<char>(size));
  std::vector<Mean> means(heads);
  Mean all;
  for (size_t head = 0; head < heads; ++head) {
    mask.mark(static_cast<int64_t>(head), token.position, marks[head]);
    const float* row = token.values + static_cast<int64_t>(head) * token.stride;
    for (size_t channel = 0; channel < size; ++channel) {
      if (marks[head][channel]) continue;
      means[head].add(row[channel]);
      all.add(row[channel]);
    }
  }
  for (size_t head = 0; head < heads; ++head) {
    const float filler = round_to(shape.dtype, means[head].count > 0 ? means[head].value() : all.value());
    float* row = token.values + static_cast<int64_t>(head) * token.stride;
    for (size_t channel = 0; channel < size; ++channel)
      if (marks[head][channel]) row[channel] = filler;
  }
}

}  // namespace

bool PatchMask::whole() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const PatchPart& part) { return part.whole(); });
}

bool PatchMask::mark(int64_t head, int64_t token, std::vector<char>& channels) const {
  std::fill(channels.begin(), channels.end(), char{0});
  bool any = false;
  for (const PatchPart& part : parts_) {
    if (!holds(part.heads, head) || !in_ranges(part.tokens, token)) continue;
    any = true;
    if (part.channels.empty()) std::fill(channels.begin(), channels.end(), char{1});
    for (const int64_t channel : part.channels) channels[static_cast<size_t>(channel)] = 1;
  }
  return any;
}

void withhold(const CacheShape& shape, const PatchMask& mask, std::vector<float>& values, int64_t start) {
  const int64_t row = shape.heads * shape.head_size, tokens = static_cast<int64_t>(values.size()) / (shape.batch * row);
  for (int64_t sequence = 0; sequence < shape.batch; ++sequence)
    for (int64_t token = 0; token < tokens; ++token) {
      float* values_of_token = values.data() + sequence * row * tokens + token * shape.head_size;
      withhold_token(shape, mask, {values_of_token, tokens * shape.head_size, start + token});
    }
}

}  // namespace kvdiff
