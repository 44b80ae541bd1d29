#include <fmt/format.h>

#include "harness/verdict/exit_codes.h"
#include "harness/verdict/headline.h"
#include "reports/markdown_text.h"
#include "reports/numbers.h"
#include "reports/registry.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

// Code in a table's cell. Backticks and pipes cannot be escaped inside code.
std::string code(std::string_view text) {
  const std::string shown = printable(text, true);
  if (shown.find_first_of("`|") != std::string::npos) return markdown_text(text);
  return "`" + shown + "`";
}

std::string step_text(bool measured, std::optional<int64_t> step) {
  if (!measured) return "–";
  return step ? grouped(*step) : "never";
}

std::string figure(const LaneReport& lane, std::string_view metric) {
  const Figure* found = lane.forced ? find_figure(lane.forced->summary, metric) : nullptr;
  return found ? short_number(*found, "–") : "–";
}

std::string gibberish(const LaneReport& lane) {
  if (!lane.free || !lane.free->gibberish) return "–";
  const GibberishReport& found = *lane.free->gibberish;
  return found.onset < 0 ? "no" : fmt::format("{}, from token {}", markdown_text(found.kind), grouped(found.onset));
}

std::string row(const LaneReport& lane) {
  const bool parts = lane.free && lane.free->first_divergence;
  const bool has_bytes = lane.bytes.full_precision > 0;
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", code(lane.name),
                     step_text(lane.free.has_value(), parts ? std::optional(lane.free->first_divergence->step) : std::nullopt),
                     step_text(lane.forced.has_value(), lane.forced ? lane.forced->onset.step : std::nullopt), gibberish(lane),
                     figure(lane, "kld_mean"), figure(lane, "kld_p99"), figure(lane, "flips"), has_bytes ? size_text(lane.bytes.total) : "–",
                     has_bytes ? percent_text(saving_of(lane)) : "–", name_of(lane.status));
}

// A block of printable text between fences that it cannot close.
std::string fenced(std::string_view text) {
  size_t longest = 2, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  return fmt::format("{}\n{}\n{}\n", fence, text, fence);
}

std::string prompt_line(const RunReport& report) {
  return fmt::format("{}, {} arithmetic; prompt of {}, {} asked for.\n", markdown_text(report.model.path.substr(report.model.path.find_last_of('/') + 1)),
                     report.model.dtype, counted(static_cast<int64_t>(report.prompt.token_ids.size()), "token", "tokens"),
                     counted(report.settings.tokens, "token", "tokens"));
}

}  // namespace

std::string render_markdown(const RunReport& report, const RenderOptions&) {
  std::string text = fmt::format("**kvdiff: exit {}, {}.** ", report.exit_code, meaning_of(exit_code_of(report.exit_code))) + prompt_line(report);
  text += "\n| lane | parts at step | onset | gibberish | KLD mean | KLD p99 | flips | bytes | saved | status |\n";
  text += "|---|--:|--:|---|--:|--:|--:|--:|--:|---|\n";
  for (const LaneReport* lane : candidates(report)) text += row(*lane);
  std::string reasons;
  for (const LaneReport& lane : report.lanes) {
    if (!lane.reason.empty()) reasons += fmt::format("- {}: {}: {}\n", code(lane.name), name_of(lane.status), markdown_text(lane.reason));
  }
  if (!reasons.empty()) text += "\n" + reasons;
  const DigestsReport& digests = report.digests;
  text += "\n" + fenced(printable(report.reproduce, true));
  text += fmt::format("kvdiff {}, build {}, model {}, prompt {}, config {}\n", markdown_text(report.environment.kvdiff_version), digests.build, digests.model,
                      digests.prompt, digests.config);
  return text;
}

}  // namespace kvdiff
