#include <fmt/format.h>

#include "reports/numbers.h"
#include "reports/registry.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

// Printable, and no character of it is Markdown or HTML.
std::string plain(std::string_view text) {
  std::string result;
  for (const Cell& cell : printable_cells(text, true)) {
    const bool is_markup = cell.text.size() == 1 && std::string_view("\\`*_[]<>#|~&").find(cell.text[0]) != std::string_view::npos;
    result += (is_markup ? "\\" : "") + cell.text;
  }
  return result;
}

std::string share(const std::optional<double>& value) { return value ? percent_text(*value) : "–"; }

std::string remedies(const Diagnosis& diagnosis) {
  if (diagnosis.remedies.empty()) return "";
  std::string text = "\n| remedy | cache | recovers | text parts at | bytes |\n|---|---|--:|--:|--:|\n";
  for (const RemedyResult& one : diagnosis.remedies)
    text += fmt::format("| {} | {} | {} | {} | {} |\n", plain(one.name), plain(one.spec.text), share(one.recovery),
                        !one.recovery ? "–" : one.parts_at ? grouped(*one.parts_at) : "never", one.recovery ? size_text(one.bytes) : "–");
  return text;
}

std::string suspects(const Diagnosis& diagnosis) {
  constexpr size_t most = 8;
  if (diagnosis.scan.empty()) return "";
  std::string text = "\n| suspect | exempt alone recovers | quantized alone makes |\n|---|--:|--:|\n";
  for (size_t i = 0; i < std::min(most, diagnosis.scan.size()); ++i) {
    const PartScore& one = diagnosis.scan[i];
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
  std::string text = fmt::format("**kvdiff diagnose: {}.** {}\n\n", name_of(diagnosis.finding), plain(diagnosis.headline));
  int number = 0;
  for (const QuestionAnswer& one : diagnosis.questions)
    text += fmt::format("{}. {} **{}.** {}\n", ++number, plain(one.question), name_of(one.answer), plain(one.evidence));
  if (diagnosis.finding == Finding::found || diagnosis.finding == Finding::diffuse)
    text += fmt::format("\nCause: **{}**: {}.\n", plain(diagnosis.cause.name), plain(diagnosis.cause.evidence));
  for (const std::string& left : diagnosis.left_to_try) text += fmt::format("\nLeft to try: {}.\n", plain(left));
  text += suspects(diagnosis) + remedies(diagnosis);
  text += "\n" + fenced(printable(diagnosis.reproduce, true));
  text += fmt::format("kvdiff {}, build {}, model {}, prompt {}\n", plain(diagnosis.kvdiff_version), diagnosis.digests.build,
                      diagnosis.digests.model, diagnosis.digests.prompt);
  return text;
}

}  // namespace kvdiff
