#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/verdict/receipt_summary.h"
#include "reports/console_sections.h"
#include "reports/numbers.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

void append(Lines& lines, Lines more) { std::ranges::move(more, std::back_inserter(lines)); }

std::string sides_text(const ReceiptSummary& summary) {
  const auto layers = [&](int64_t count) { return count == summary.layers ? "all layers" : fmt::format("{} of {} layers", count, summary.layers); };
  if (summary.key_layers == summary.value_layers) return fmt::format("K and V of {}", layers(summary.key_layers));
  if (summary.value_layers == 0) return fmt::format("K of {}, no V", layers(summary.key_layers));
  if (summary.key_layers == 0) return fmt::format("V of {}, no K", layers(summary.value_layers));
  return fmt::format("K of {}, V of {}", layers(summary.key_layers), layers(summary.value_layers));
}

std::string receipt_text(const LaneReport& lane) {
  const ReceiptSummary summary = receipt_summary(lane.receipt);
  if (summary.codecs.empty()) return "no: nothing in this cache claims to be quantized.";
  return fmt::format("{}: {}; {} tokens as codes, {} in full precision; {}, a token encoded {} at most; {} reads of codes; "
                     "{} codes in use; largest error {:.0f}% of its bound; bytes {}.",
                     lane.status == LaneStatus::invalid ? "NOT PROVED" : "yes", sides_text(summary), grouped(summary.tokens_quantized),
                     grouped(summary.tokens_residual), counted(summary.flushes, "flush", "flushes"),
                     counted(summary.largest_requantized, "time", "times"), grouped(summary.quantized_reads),
                     grouped(summary.fewest_codes), 100 * summary.error_share,
                     summary.bytes_as_expected ? "as computed" : "NOT as computed");
}

std::string floor_text(std::string_view what, const FloorCheck& check, const RenderOptions& options) {
  if (!check.measured) return fmt::format("{}: not measured{}.", what, check.difference.empty() ? "" : ": " + shown(check.difference, options));
  return check.exact ? fmt::format("{}: bit-equal.", what) : fmt::format("{}: DIFFERS: {}.", what, shown(check.difference, options));
}

std::string arithmetic_text(const FloorsReport& floors) {
  if (!floors.arithmetic || floors.arithmetic->by_step.empty()) return "arithmetic floor: not measured.";
  double largest = 0;
  for (const double step : floors.arithmetic->by_step) largest = std::max(largest, step);
  return fmt::format("arithmetic floor: at most {} in a logit.", short_number(largest));
}

std::string peer_text(const PeerFailure& failure, const RenderOptions& options) {
  const auto update = [](int64_t n) { return n == 0 ? std::string("the prefill") : "update " + grouped(n); };
  const std::string encoded = fmt::format("layer {}, {}s, encoded at {}", failure.layer, name_of(failure.side), update(failure.update));
  const std::string type = failure.verdict.exception.empty() ? "" : failure.verdict.exception + ": ";
  const std::string message = shown(type + failure.verdict.message, options);
  if (failure.verdict.silently_wrong) return fmt::format("transformers would go on with wrong values here: {}: {}", encoded, message);
  const int64_t raising = failure.update + (failure.verdict.at_dequantize ? 1 : 0);
  return fmt::format("transformers would have raised here, at {}: {}: {}", update(raising), encoded, message);
}

std::string not_finite_text(const NotFiniteReport& found) {
  const char* whose = found.in_reference ? "the reference's" : "this lane's";
  return fmt::format("{} of {} {} ({}) not finite: the first is {} at step {}, layer {}, head {}", counted(found.count, "value", "values"),
                     whose, name_of(found.stage), name_of(found.mode), found.value, found.place.step, found.place.layer, found.place.head);
}

std::vector<std::string> warnings_of(const LaneReport& lane, const RenderOptions& options) {
  std::vector<std::string> texts;
  for (const NotFiniteReport& found : lane.not_finite) texts.push_back(not_finite_text(found));
  for (const PeerFailure& failure : lane.peer_failures) texts.push_back(peer_text(failure, options));
  for (const std::string& warning : lane.warnings) texts.push_back(shown(warning, options));
  return texts;
}

// A command over several lines, each but the last with a backslash: broken before an option, never inside quotes, so that
// what is copied runs. An option that is longer than a line stays whole: the terminal breaks it.
Lines command_lines(std::string_view command, int width) {
  Lines lines(1);
  bool quoted = false;
  size_t start = 0;
  const auto place = [&](std::string_view word) {
    const bool breaks = !lines.back().empty() && columns(lines.back()) + columns(word) + 3 > width;
    if (breaks) lines.back() += " \\", lines.emplace_back("   ");
    lines.back() += (lines.back().empty() ? "" : " ") + std::string(word);
  };
  for (size_t at = 0; at < command.size(); ++at) {
    if (command[at] == '\'') quoted = !quoted;
    if (quoted || !command.substr(at).starts_with(" --")) continue;
    place(command.substr(start, at - start));
    start = at + 1;
  }
  place(command.substr(start));
  return lines;
}

void append_command(Lines& lines, std::string_view what, std::string_view command, const RenderOptions& options) {
  if (command.empty()) return;
  append(lines, name_lines(what, "", options));
  for (const std::string& line : command_lines(shown(command, options), options.width - 2)) lines.push_back("  " + line);
}

std::string digests_text(const DigestsReport& digests) {
  return fmt::format("build {}, model {}, tokenizer {}, prompt {}, config {}", digests.build, digests.model, digests.tokenizer,
                     digests.prompt, digests.config);
}

}  // namespace

Lines receipt_lines(const RunReport& report, const RenderOptions& options) {
  Lines lines;
  const int width = label_width(candidates(report), options);
  for (const LaneReport* lane : candidates(report)) {
    if (lane->receipt.layers.empty()) continue;
    append(lines, labelled(shown(lane->name, options), width, receipt_text(*lane), options));
  }
  append(lines, wrapped(floor_text("control against reference", report.floors.control, options), options.width));
  append(lines, wrapped(floor_text("recomputed without a cache", report.floors.recomputation, options), options.width));
  append(lines, wrapped(arithmetic_text(report.floors), options.width));
  return lines;
}

Lines warning_lines(const RunReport& report, const RenderOptions& options) {
  Lines lines;
  for (const std::string& warning : report.warnings) append(lines, wrapped(shown(warning, options), options.width));
  const int width = label_width(candidates(report), options);
  for (const LaneReport& lane : report.lanes) {
    std::string name = shown(lane.name, options);
    for (const std::string& text : warnings_of(lane, options)) append(lines, labelled(std::exchange(name, ""), width, text, options));
  }
  return lines;
}

std::string joined_names(std::string_view lines) {
  std::string names;
  for (const char c : lines) names += c == '\n' ? ", " : std::string(1, c);
  return names;
}

// Lanes that leave out the same for the same reason share a line.
Lines not_measured_lines(const RunReport& report, const RenderOptions& options) {
  std::vector<std::pair<std::string, std::string>> found;  // text, lanes one a line
  const auto add = [&](const NotMeasured& one, const std::string& lane) {
    const std::string text = fmt::format("{}: {}", shown(one.what, options), shown(one.reason, options));
    const auto same = std::ranges::find(found, text, &std::pair<std::string, std::string>::first);
    if (same == found.end()) found.emplace_back(text, lane);
    else if (!lane.empty()) same->second += "\n" + lane;
  };
  for (const NotMeasured& one : report.not_measured) add(one, "");
  for (const LaneReport& lane : report.lanes) {
    for (const NotMeasured& one : lane.not_measured) add(one, shown(lane.name, options));
  }
  Lines lines;
  const auto every = static_cast<int64_t>(candidates(report).size());
  for (const auto& [text, lanes] : found) {
    const bool all = every > 1 && std::ranges::count(lanes, '\n') + 1 == every;
    const std::string whose = lanes.empty() ? "" : all ? " (all candidates)" : " (" + joined_names(lanes) + ")";
    append(lines, wrapped(text + whose, options.width));
  }
  return lines;
}

Lines reproduce_lines(const RunReport& report, const RenderOptions& options) {
  Lines lines;
  append_command(lines, "all of it", report.reproduce, options);
  for (const LaneReport* lane : candidates(report)) append_command(lines, lane->name, lane->reproduce, options);
  append(lines, wrapped(fmt::format("made by kvdiff {} ({}) on {}, {}: {}", report.environment.kvdiff_version, report.environment.compiler,
                                    shown(report.environment.cpu, options), report.environment.time, digests_text(report.digests)), options.width));
  if (report.timing.seconds > 0) {
    lines.push_back(fmt::format("took {} s, {} steps per second", short_number(report.timing.seconds), short_number(report.timing.steps_per_second)));
  }
  return lines;
}

}  // namespace kvdiff
