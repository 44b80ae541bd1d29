#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "harness/metrics/portable_math.h"
#include "harness/text_findings/kinds.h"
#include "harness/text_findings/salad_features.h"
#include "harness/text_findings/utf8.h"

// Word salad, by what the reference says of the text. Two things speak for it:
// - how surprising the tokens of each form are (salad_features.h), 24 in a row. What caches make of a text is found so. A text
//   that goes round in circles later was mostly lost before: less of it is enough there (find_salad_before).
// - a jump: a text that the reference could follow, and behind it 20 tokens that leave it most of the surprise that they are
//   worth alone, as words drawn at random do. (A text that is as strange from its first word on may be dialect, or
//   Chaucer.) A token is worth the more the rarer it is, by Zipf's law on its rank: p(rank r) = 1 / (r ln V), so worth =
//   ln(id + 1) + 2.4, with ln ln V = 2.4 for vocabularies of 30 thousand to 200 thousand tokens.
namespace kvdiff {
namespace {

constexpr double zipf = 2.4;
constexpr double neutral = 0.45;  // share of its worth that a piece that is no UTF-8 by itself leaves

struct Stretch {
  int64_t first = 0, end = 0;
};

// Sums over the tokens before each place; what differs by `middle` a token from place to place.
std::vector<double> sums(const std::vector<double>& values) {
  std::vector<double> all = {0};
  for (const double value : values) all.push_back(all.back() + value);
  return all;
}

// Where the sum is smallest, of all places up to `end`: everything behind it speaks for salad. The last one of several.
int64_t lowest(const std::vector<double>& sum, int64_t end) {
  int64_t best = 0;
  for (int64_t i = 1; i <= end; ++i)
    if (sum[static_cast<size_t>(i)] <= sum[static_cast<size_t>(best)]) best = i;
  return best;
}

// The stretch of which what ends at `end` is a part: up to where the sum is largest, before it has fallen well below that.
Stretch stretch_around(const std::vector<double>& sum, int64_t end, double settled) {
  Stretch stretch{lowest(sum, end), end};
  double largest = sum[static_cast<size_t>(end)];
  for (auto i = static_cast<size_t>(end); i < sum.size() && sum[i] > largest - settled; ++i)
    if (sum[i] >= largest) {
      largest = sum[i];
      stretch.end = static_cast<int64_t>(i);
    }
  return stretch;
}

// Sums of how far tokens are above `onset` (those that count), or, if `ones`, of the tokens that count.
std::vector<double> sums_above(const GeneratedText& text, const GibberishRules& rules, double onset, bool ones = false) {
  const std::vector<bool> counts = salad_counts(text);
  std::vector<double> values = salad_scores(text, rules);
  for (size_t i = 0; i < values.size(); ++i) values[i] = !counts[i] ? 0 : ones ? 1 : values[i] - onset;
  return sums(values);
}

std::optional<Stretch> find_by_forms(const GeneratedText& text, const GibberishRules& rules) {
  constexpr double settled = 25;
  const auto window = static_cast<double>(rules.salad_window), fewest = static_cast<double>(rules.salad_tokens);
  const std::vector<double> sum = sums_above(text, rules, 0), counted = sums_above(text, rules, 0, true);
  const std::vector<double> above = sums_above(text, rules, rules.salad_onset);
  for (size_t first = 0, end = 1; end < sum.size(); ++end) {
    while (counted[end] - counted[first] > window || end - first > 2 * static_cast<size_t>(rules.salad_window)) ++first;
    if (counted[end] - counted[first] < fewest || sum[end] - sum[first] < rules.salad_score * window) continue;
    const Stretch stretch = stretch_around(above, static_cast<int64_t>(end), settled);
    if (stretch.end - stretch.first >= rules.salad_tokens) return stretch;
  }
  return std::nullopt;
}

std::optional<Stretch> find_lead(const GeneratedText& text, int64_t stuck, const GibberishRules& rules) {
  const std::vector<double> above = sums_above(text, rules, rules.lead_onset);
  const int64_t first = lowest(above, stuck);
  const double sum = above[static_cast<size_t>(stuck)] - above[static_cast<size_t>(first)];
  if (stuck - first < rules.salad_tokens || sum < rules.lead_score) return std::nullopt;
  return Stretch{first, stuck};
}

struct Surprise {
  std::vector<double> left, worth;  // summed up
  double share(int64_t first, int64_t end) const {
    return (left[static_cast<size_t>(end)] - left[static_cast<size_t>(first)]) / (worth[static_cast<size_t>(end)] - worth[static_cast<size_t>(first)]);
  }
};

Surprise surprise_of(const GeneratedText& text) {
  std::vector<double> left, worth;
  for (size_t i = 0; i < text.tokens.size(); ++i) {
    worth.push_back(portable_log(static_cast<double>(text.tokens[i]) + 1) + zipf);
    const bool bytes = first_invalid_utf8(text.pieces[i], false).has_value();
    left.push_back(bytes ? neutral * worth[i] : std::min(text.nll[i], largest_nll));
  }
  return {sums(left), sums(worth)};
}

// At most one token in eight may be foretold (nll below 1) within the window.
bool foretold(const GeneratedText& text, int64_t first, int64_t end) {
  const auto nll = text.nll.subspan(static_cast<size_t>(first), static_cast<size_t>(end - first));
  return 8 * std::count_if(nll.begin(), nll.end(), [](double one) { return one < 1; }) > end - first;
}

std::optional<Stretch> find_jump(const GeneratedText& text, const GibberishRules& rules) {
  constexpr int64_t before = 3, tokens = 20;
  const Surprise surprise = surprise_of(text);
  std::vector<double> above;  // what is left above the middle between calm and jump
  const double middle = rules.jump_share - 0.08;
  for (size_t i = 0; i < surprise.left.size(); ++i) above.push_back(surprise.left[i] - middle * surprise.worth[i]);
  for (int64_t end = before + tokens; end <= count(text); ++end) {
    if (surprise.share(end - tokens, end) < rules.jump_share || foretold(text, end - tokens, end)) continue;
    const int64_t first = lowest(above, end);
    if (first < before || end - first < rules.salad_tokens || surprise.share(0, first) > rules.jump_calm) continue;
    return Stretch{first, end};
  }
  return std::nullopt;
}

double mean(std::span<const double> nll) {
  double sum = 0;
  for (const double one : nll) sum += one;
  return nll.empty() ? 0 : sum / static_cast<double>(nll.size());
}

std::string evidence_of(const GeneratedText& text, const Stretch& stretch, double reference) {
  const Surprise surprise = surprise_of(text);
  return fmt::format(
      "the reference would have paid {:.1f} nats a token for tokens {} to {} ({:.1f} for its own text): what stands before "
      "them leaves {:.0f} % of the surprise that such tokens are worth alone",
      mean(text.nll.subspan(static_cast<size_t>(stretch.first), static_cast<size_t>(stretch.end - stretch.first))), stretch.first,
      stretch.end - 1, reference, 100 * surprise.share(stretch.first, stretch.end));
}

bool is_scored(const GeneratedText& text) {
  return !text.nll.empty() && std::all_of(text.nll.begin(), text.nll.end(), [](double nll) { return std::isfinite(nll); });
}

GibberishFinding salad_of(const GeneratedText& text, const Stretch& stretch, std::span<const double> reference_nll) {
  GibberishFinding finding;
  finding.kind = GibberishKind::word_salad;
  finding.onset = stretch.first;
  finding.evidence = evidence_of(text, stretch, mean(reference_nll));
  return finding;
}

}  // namespace

std::optional<GibberishFinding> find_salad(const GeneratedText& text, std::span<const double> reference_nll,
                                           const GibberishRules& rules) {
  if (!is_scored(text)) return std::nullopt;
  const auto by_forms = find_by_forms(text, rules), jump = find_jump(text, rules);
  if (!by_forms && !jump) return std::nullopt;
  return salad_of(text, !jump || (by_forms && by_forms->first <= jump->first) ? *by_forms : *jump, reference_nll);
}

std::optional<GibberishFinding> find_salad_before(const GeneratedText& text, int64_t stuck, std::span<const double> reference_nll,
                                                  const GibberishRules& rules) {
  const auto lead = is_scored(text) ? find_lead(text, stuck, rules) : std::nullopt;
  if (!lead) return std::nullopt;
  return salad_of(text, *lead, reference_nll);
}

}  // namespace kvdiff
