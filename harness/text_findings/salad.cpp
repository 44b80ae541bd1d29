#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "harness/metrics/portable_math.h"
#include "harness/text_findings/kinds.h"
#include "harness/text_findings/utf8.h"

// Word salad, by what the reference says of the text. A token is worth the more surprise the rarer it is. In a sound text
// what stands before it explains most of that; in salad it explains next to nothing, whether the words are rare or
// everyday ones. So the measure is the share of the surprise that is left:
//     sum of min(nll, 12) / sum of worth,  over a window of tokens.
// The worth is Zipf's law on the token's rank: p(rank r) = 1 / (r ln V), so worth = ln(id + 1) + 2.4, with ln ln V = 2.4 for
// vocabularies of 30 thousand to 200 thousand tokens; byte pair encoding gives ids in the order of its merges, which is
// the order of frequency, roughly. (Perplexity alone calls sound German, names and data salad before it finds "and of you".)
namespace kvdiff {
namespace {

constexpr double largest_nll = 12, zipf = 2.4;
constexpr double middle = 0.45;   // share between sound text and salad
constexpr double settled = 12;    // nats below its largest sum: the salad is over

struct Window {
  int64_t tokens;
  double share;  // from which on it is salad
};

struct Surprise {
  std::vector<double> left, worth;  // by token
  double share(int64_t first, int64_t end) const {
    double above = 0, below = 0;
    for (int64_t i = first; i < end; ++i) {
      above += left[static_cast<size_t>(i)];
      below += worth[static_cast<size_t>(i)];
    }
    return above / below;
  }
};

Surprise surprise_of(const GeneratedText& text) {
  Surprise surprise;
  for (size_t i = 0; i < text.tokens.size(); ++i) {
    surprise.worth.push_back(portable_log(static_cast<double>(text.tokens[i]) + 1) + zipf);
    const bool bytes = first_invalid_utf8(text.pieces[i], false).has_value();
    surprise.left.push_back(bytes ? middle * surprise.worth[i] : std::min(text.nll[i], largest_nll));
  }
  return surprise;
}

// The stretch of which the window is a part. Where the surprise begins: the sum of what each token leaves above the middle
// between sound and salad is smallest there, of all places before the window's end. Where it ends: the sum is largest
// there, before it has fallen well below that.
struct Stretch {
  int64_t first = 0, end = 0;
};

Stretch stretch_around(const Surprise& surprise, int64_t window_end) {
  Stretch stretch;
  double sum = 0, smallest = 0, largest = 0;
  const auto size = static_cast<int64_t>(surprise.left.size());
  for (int64_t i = 0; i < size && (i < window_end || sum > largest - settled); ++i) {
    const auto at = static_cast<size_t>(i);
    sum += surprise.left[at] - middle * surprise.worth[at];
    if (i < window_end && sum <= smallest) {
      smallest = largest = sum;
      stretch = {i + 1, i + 1};
    } else if (sum > largest) {
      largest = sum;
      stretch.end = i + 1;
    }
  }
  return stretch;
}

// The first stretch of some length around a window that leaves too much, if any.
std::optional<Stretch> first_stretch(const Surprise& surprise, const Window& window, int64_t at_least) {
  const auto tokens = static_cast<int64_t>(surprise.left.size());
  for (int64_t first = 0; first + window.tokens <= tokens; ++first) {
    if (surprise.share(first, first + window.tokens) < window.share) continue;
    const Stretch stretch = stretch_around(surprise, first + window.tokens);
    if (stretch.end - stretch.first >= at_least) return stretch;
  }
  return std::nullopt;
}

double mean(std::span<const double> nll) {
  double sum = 0;
  for (const double one : nll) sum += one;
  return nll.empty() ? 0 : sum / static_cast<double>(nll.size());
}

GibberishFinding finding_at(const GeneratedText& text, const Stretch& stretch, const Surprise& surprise, double reference) {
  GibberishFinding finding;
  finding.kind = GibberishKind::word_salad;
  finding.onset = stretch.first;
  finding.evidence = fmt::format(
      "the reference would have paid {:.1f} nats a token for tokens {} to {} ({:.1f} for its own text): what stands before "
      "them leaves {:.0f} % of the surprise that such tokens are worth alone",
      mean(text.nll.subspan(static_cast<size_t>(stretch.first), static_cast<size_t>(stretch.end - stretch.first))), stretch.first,
      stretch.end - 1, reference, 100 * surprise.share(stretch.first, stretch.end));
  return finding;
}

}  // namespace

std::optional<GibberishFinding> find_salad(const GeneratedText& text, std::span<const double> reference_nll,
                                           const GibberishRules& rules) {
  const bool scored = std::all_of(text.nll.begin(), text.nll.end(), [](double nll) { return std::isfinite(nll); });
  if (text.nll.empty() || !scored) return std::nullopt;
  const Surprise surprise = surprise_of(text);
  const double factor = in_other_language(joined(text, 0, count(text))) ? rules.salad_other_language : 1;
  std::optional<GibberishFinding> found;
  for (const Window& window : {Window{12, rules.salad_12}, Window{16, rules.salad_16}, Window{24, rules.salad_24},
                               Window{32, rules.salad_32}}) {
    const auto stretch = first_stretch(surprise, {window.tokens, factor * window.share}, rules.slip_tokens);
    if (stretch && (!found || stretch->first < found->onset)) found = finding_at(text, *stretch, surprise, mean(reference_nll));
  }
  return found;
}

}  // namespace kvdiff
