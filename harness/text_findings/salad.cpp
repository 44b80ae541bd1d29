#include <algorithm>
#include <fmt/format.h>
#include <numeric>

#include "harness/text_findings/kinds.h"
#include "harness/text_findings/surprise.h"

// Word salad, by the labels of the tokens (labelling.h): the first stretch that is long enough to be read.
namespace kvdiff {
namespace {

double mean(std::span<const double> nll) {
  return nll.empty() ? 0 : std::accumulate(nll.begin(), nll.end(), 0.0) / static_cast<double>(nll.size());
}

std::string evidence_of(const GeneratedText& text, const LabelledStretch& stretch, double reference) {
  const auto nll = text.nll.subspan(static_cast<size_t>(stretch.first), static_cast<size_t>(stretch.tokens()));
  return fmt::format(
      "the reference would have paid {:.1f} nats a token for tokens {} to {} ({:.1f} for its own text): what stands before "
      "them leaves {:.0f} % of the surprise that such tokens are worth alone",
      mean(nll), stretch.first, stretch.end - 1, reference, 100 * surprise_of(text).share(stretch.first, stretch.end));
}

// Half of the tokens of a stretch must be something else than white space again: line breaks in a row are nothing to be read,
// foreseen or not.
bool can_be_read(const GeneratedText& text, const LabelledStretch& stretch) {
  int64_t again = 0;
  for (auto i = static_cast<size_t>(std::max<int64_t>(stretch.first, 1)); i < static_cast<size_t>(stretch.end); ++i)
    again += text.tokens[i] == text.tokens[i - 1] && text.pieces[i].find_first_not_of(" \t\r\n\v\f") == std::string::npos;
  return 2 * again <= stretch.tokens();
}

}  // namespace

std::optional<GibberishFinding> find_salad(const GeneratedText& text, const std::vector<LabelledStretch>& stretches,
                                           std::span<const double> reference_nll, const GibberishRules& rules) {
  for (const LabelledStretch& stretch : stretches) {
    if (stretch.state != TextState::salad || stretch.tokens() < rules.salad_tokens || !can_be_read(text, stretch)) continue;
    GibberishFinding finding;
    finding.kind = GibberishKind::word_salad;
    finding.onset = stretch.first;
    finding.evidence = evidence_of(text, stretch, mean(reference_nll));
    return finding;
  }
  return std::nullopt;
}

}  // namespace kvdiff
