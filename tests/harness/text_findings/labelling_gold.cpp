#include "tests/harness/text_findings/labelling_gold.h"

#include <algorithm>

namespace kvdiff::test {
namespace {

constexpr int64_t tolerance = 2, salad_for_sure = 24, stuck_for_sure = 8, last_tokens = 16;
constexpr size_t sound = 0, salad = 1, stuck = 2, other = 3;

size_t state_of(const std::string& kind) {
  if (kind == "word_salad") return salad;
  return kind == "loop" || kind == "repetition" || kind == "stuck_token" ? stuck : other;
}

using Mask = std::vector<std::array<bool, 3>>;

void allow(Mask& mask, int64_t first, int64_t end, size_t state) {
  for (int64_t i = std::max<int64_t>(first, 0); i < std::min(end, static_cast<int64_t>(mask.size())); ++i)
    mask[static_cast<size_t>(i)][state] = true;
}

void allow_all(Mask& mask, int64_t first, int64_t end) {
  for (const size_t state : {sound, salad, stuck}) allow(mask, first, end, state);
}

using Stretch = std::vector<std::pair<std::string, int64_t>>;

int64_t first_onset(const Stretch& stretch) {
  return std::min_element(stretch.begin(), stretch.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->second;
}

int64_t last_onset(const Stretch& stretch) {
  return std::max_element(stretch.begin(), stretch.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->second;
}

bool all_are(const Stretch& stretch, size_t state) {
  return std::all_of(stretch.begin(), stretch.end(), [&](const auto& one) { return state_of(one.first) == state; });
}

void allow_stretch(Mask& mask, const Stretch& stretch, int64_t next, bool last) {
  const auto size = static_cast<int64_t>(mask.size());
  for (const auto& [kind, onset] : stretch) {
    const size_t state = state_of(kind);
    if (state == other) {
      allow_all(mask, onset, size);
      continue;
    }
    allow(mask, onset - tolerance, onset, state);
    allow(mask, onset, next, state);
    allow(mask, onset, onset + tolerance, sound);
  }
  allow(mask, first_onset(stretch), last_onset(stretch), sound);
  if (last && all_are(stretch, stuck)) allow_all(mask, std::max(next - last_tokens, last_onset(stretch) + stuck_for_sure), next);
  if (all_are(stretch, salad)) allow_all(mask, last_onset(stretch) + salad_for_sure, next);
}

}  // namespace

std::vector<std::array<bool, 3>> gold_states(const LabelledText& text) {
  const auto size = static_cast<int64_t>(text.text.tokens.size());
  Mask mask(text.text.tokens.size(), {false, false, false});
  allow(mask, 0, text.alone.empty() ? size : first_onset(text.alone[0]), sound);
  for (size_t k = 0; k < text.alone.size(); ++k) {
    const bool last = k + 1 == text.alone.size();
    allow_stretch(mask, text.alone[k], last ? size : first_onset(text.alone[k + 1]), last);
  }
  return mask;
}

}  // namespace kvdiff::test
