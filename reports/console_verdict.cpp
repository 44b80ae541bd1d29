#include <fmt/format.h>

#include "harness/verdict/exit_codes.h"
#include "harness/verdict/headline.h"
#include "reports/console_sections.h"
#include "reports/numbers.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

struct Word {
  std::string text;
  Tone tone;
};

Word verdict_word(const RunReport& report) {
  switch (exit_code_of(report.exit_code)) {
    case ExitCode::passed: return report.limits.empty() ? Word{"MEASURED", Tone::strong} : Word{"PASSED", Tone::good};
    case ExitCode::regression: return {"FAILED", Tone::bad};
    case ExitCode::inconclusive: return {"INCONCLUSIVE", Tone::warning};
    case ExitCode::invalid: return {"INVALID", Tone::bad};
    case ExitCode::interrupted: return {"INTERRUPTED", Tone::warning};
    case ExitCode::nothing_to_do: return {"NOTHING TO COMPARE", Tone::warning};
    case ExitCode::input: return {"REJECTED", Tone::bad};
    default: return {"ERROR", Tone::bad};
  }
}

void append(std::string& sentence, int count, std::string_view one, std::string_view several) {
  if (count == 0) return;
  sentence += fmt::format("{}{} {}", sentence.empty() ? "" : ", ", count, count == 1 ? one : several);
}

std::string readings(const Headline& line) {
  std::string sentence;
  append(sentence, line.same_text, "keeps the reference's text to the end", "keep the reference's text to the end");
  append(sentence, line.parted, "parts from it", "part from it");
  append(sentence, line.gibberish, "turns to gibberish", "turn to gibberish");
  append(sentence, line.not_finite, "has values that are not finite", "have values that are not finite");
  return sentence;
}

std::string statuses(const Headline& line, bool has_limits) {
  std::string sentence;
  append(sentence, line.failed, "breaks a limit", "break a limit");
  append(sentence, line.invalid, "proves nothing", "prove nothing");
  append(sentence, line.inconclusive, "is inconclusive", "are inconclusive");
  append(sentence, line.error, "could not run", "could not run");
  append(sentence, line.skipped, "was skipped", "were skipped");
  if (has_limits) append(sentence, line.passed, "holds all limits", "hold all limits");
  return sentence;
}

std::string sentences(const RunReport& report) {
  const Headline line = headline_of(report);
  std::string text = line.candidates == 0 ? "No candidate cache." : fmt::format("Of {}", counted(line.candidates, "cache", "caches"));
  for (const std::string& part : {statuses(line, !report.limits.empty()), readings(line)}) {
    if (!part.empty()) text += (text.ends_with('.') ? " In all, " : " ") + part + ".";
  }
  if (line.unknown > 0 && line.unknown == line.candidates) text += " Free text was not asked for.";
  return text;
}

std::string next_sentence(const RunReport& report, const RenderOptions& options) {
  const Headline line = headline_of(report);
  const auto name = [&](const LaneReport& lane) { return shown(lane.name, options); };
  if (line.reference_is_gibberish) return "The reference itself is gibberish: look at the model, the prompt's format or the tokenizer, not at a cache.";
  if (line.first_failed) return fmt::format("First to fail: {}: {}.", name(*line.first_failed), shown(line.first_failed->reason, options));
  if (line.best) return fmt::format("Keeps the text at the fewest bytes: {} (saves {}).", name(*line.best), percent_text(saving_of(*line.best)));
  if (line.mildest) return fmt::format("None keeps the text; the mildest is {} (saves {}).", name(*line.mildest), percent_text(saving_of(*line.mildest)));
  return "";
}

std::string control_sentence(const FloorsReport& floors) {
  if (!floors.control.measured) return "The control was not measured.";
  if (!floors.control.exact) return "The control lane differs from the reference, so no difference here can be blamed on a cache.";
  return floors.recomputation.measured && !floors.recomputation.exact
             ? "Recomputed without a cache, the reference differs, so no difference here can be blamed on a cache."
             : "The control is bit-equal, so every difference was made by a cache.";
}

std::string mode_names(const SettingsReport& settings) {
  std::string names;
  for (const Mode mode : settings.modes) names += (names.empty() ? "" : ", ") + std::string(name_of(mode));
  return names;
}

std::string sampling_text(const SamplingReport& sampling) {
  if (sampling.temperature == 0) return "greedy";
  return fmt::format("temperature {}, top-k {}, top-p {}, seed {}", short_number(sampling.temperature),
                     sampling.top_k == 0 ? "all" : std::to_string(sampling.top_k), short_number(sampling.top_p), sampling.seed);
}

std::string run_text(const RunReport& report) {
  const LaneReport* reference = lane_with_role(report, LaneRole::reference);
  std::string text = fmt::format("{} of {} tokens, {}; {}", reference ? reference->steps : 0, report.settings.tokens,
                                 sampling_text(report.settings.sampling), mode_names(report.settings));
  if (!report.settings.continue_file.empty()) text += fmt::format("; following {}", report.settings.continue_file);
  text += fmt::format("; {}, {}, {}", report.environment.device, report.environment.simd, counted(report.environment.threads, "thread", "threads"));
  return text;
}

}  // namespace

Lines verdict_lines(const RunReport& report, const RenderOptions& options) {
  const Word word = verdict_word(report);
  std::string text = sentences(report);
  if (report.partial) text += " " + shown(report.partial_reason, options) + ".";
  Lines lines = wrapped(fmt::format("{}  {}", word.text, text), options.width);
  lines.front() = painted(word.text, word.tone, options) + lines.front().substr(word.text.size());
  for (const std::string& sentence : {next_sentence(report, options), control_sentence(report.floors)}) {
    if (sentence.empty()) continue;
    for (std::string& line : wrapped(sentence, options.width)) lines.push_back(std::move(line));
  }
  return lines;
}

Lines frame_lines(const RunReport& report, const RenderOptions& options) {
  const ModelReport& model = report.model;
  const std::string name = model.path.substr(model.path.find_last_of('/') + 1);
  const std::string head = fmt::format("{} ({}, {} layers), {} weights, {} arithmetic, {} attention", shown(name, options), model.family,
                                       model.layers, model.weights_dtype, model.dtype, model.attention);
  const std::string prompt = fmt::format("{}{}, {}: {}", report.prompt.source, report.prompt.format.empty() ? "" : " (" + report.prompt.format + ")",
                                         counted(static_cast<int64_t>(report.prompt.token_ids.size()), "token", "tokens"),
                                         clipped(shown(report.prompt.text, options), 160, options.unicode));
  Lines lines;
  for (const auto& [label, text] : {std::pair{"model", head}, {"prompt", prompt}, {"run", shown(run_text(report), options)}}) {
    for (std::string& line : labelled(label, 7, text, options)) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace kvdiff
