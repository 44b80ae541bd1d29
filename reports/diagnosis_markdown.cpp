#include <fmt/format.h>

#include "reports/diagnosis_conformance.h"
#include "reports/diagnosis_flip.h"
#include "reports/diagnosis_sections.h"
#include "reports/markdown_text.h"
#include "reports/numbers.h"
#include "reports/registry.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

std::string share(const std::optional<double>& value) { return value ? percent_text(*value) : "–"; }

std::string remedies(const Diagnosis& diagnosis) {
  if (diagnosis.remedies.empty()) return "";
  std::string text = "\n| remedy | cache | recovers | text parts at | bytes |\n|---|---|--:|--:|--:|\n";
  for (const RemedyResult& one : diagnosis.remedies)
    text += fmt::format("| {} | {} | {} | {} | {} |\n", markdown_text(one.name), markdown_text(one.spec.text), share(one.recovery),
                        !one.recovery ? "–" : one.parts_at ? grouped(*one.parts_at) : "never", one.recovery ? size_text(one.bytes) : "–");
  return text;
}

std::string suspects(const Diagnosis& diagnosis) {
  constexpr size_t most = 8;
  if (diagnosis.scan.empty()) return "";
  std::string text = "\n| suspect | exempt alone recovers | quantized alone makes |\n|---|--:|--:|\n";
  const std::vector<PartScore> told = suspected(diagnosis);
  for (size_t i = 0; i < std::min(most, told.size()); ++i) {
    const PartScore& one = told[i];
    text += fmt::format("| {} | {} | {} |\n", text_of(one.part), share(one.recovery), share(one.alone));
  }
  return text;
}

std::string fenced(std::string_view text) {
  size_t longest = 2, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  return fmt::format("{}\n{}\n{}\n", fence, text, fence);
}

}  // namespace

std::string diagnosis_markdown(const Diagnosis& diagnosis, const RenderOptions&) {
  std::string text = fmt::format("**kvdiff diagnose: {}.** {}\n\n", name_of(diagnosis.finding), markdown_text(diagnosis.headline));
  int number = 0;
  for (const QuestionAnswer& one : diagnosis.questions)
    text += fmt::format("{}. {} **{}.** {}\n", ++number, markdown_text(one.question), name_of(one.answer), markdown_text(one.evidence));
  if (diagnosis.finding == Finding::found || diagnosis.finding == Finding::diffuse)
    text += fmt::format("\nCause: **{}**: {}.\n", markdown_text(diagnosis.cause.name), markdown_text(diagnosis.cause.evidence));
  for (const std::string& left : diagnosis.left_to_try) text += fmt::format("\nLeft to try: {}.\n", markdown_text(left));
  text += conformance_markdown(diagnosis) + flip_markdown(diagnosis) + zoom_markdown(diagnosis) + further_markdown(diagnosis) + suspects(diagnosis) + error_markdown(diagnosis) + tokens_markdown(diagnosis) +
          flush_markdown(diagnosis) + error_map_markdown(diagnosis) + remedies(diagnosis);
  text += "\n" + fenced(printable(diagnosis.reproduce, true));
  text += fmt::format("kvdiff {}, build {}, model {}, prompt {}\n", markdown_text(diagnosis.kvdiff_version), diagnosis.digests.build,
                      diagnosis.digests.model, diagnosis.digests.prompt);
  return text;
}

}  // namespace kvdiff
