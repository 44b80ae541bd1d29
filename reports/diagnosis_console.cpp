#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "harness/diagnose/questions.h"
#include "reports/chart.h"
#include "reports/console_sections.h"
#include "reports/diagnosis_conformance.h"
#include "reports/diagnosis_flip.h"
#include "reports/diagnosis_sections.h"
#include "reports/numbers.h"
#include "reports/registry.h"
#include "reports/table.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

constexpr size_t most_suspects = 10;
constexpr int64_t text_characters = 200;

std::string share(const std::optional<double>& value, const RenderOptions& options) {
  if (!value) return dash(options);
  return std::isfinite(*value) ? fmt::format("{:.1f}%", 100 * *value) : "not finite";
}

Lines labelled_lines(const std::vector<std::pair<std::string, std::string>>& rows, const RenderOptions& options) {
  int width = 0;
  for (const auto& [label, text] : rows) width = std::max(width, columns(label));
  Lines lines;
  for (const auto& [label, text] : rows)
    for (std::string& line : labelled(label, width, shown(text, options), options)) lines.push_back(std::move(line));
  return lines;
}

Tone tone_of(Finding finding) {
  switch (finding) {
    case Finding::found: return Tone::strong;
    case Finding::diffuse:
    case Finding::elsewhere:
    case Finding::partial: return Tone::warning;
    case Finding::nothing: return Tone::good;
    case Finding::invalid: return Tone::bad;
  }
  return Tone::plain;
}

std::string upper(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

Lines headline(const Diagnosis& diagnosis, const RenderOptions& options) {
  const std::string word = upper(name_of(diagnosis.finding));
  Lines lines = wrapped(fmt::format("{}  {}", word, shown(diagnosis.headline, options)), options.width);
  lines.front() = painted(word, tone_of(diagnosis.finding), options) + lines.front().substr(word.size());
  return lines;
}

Lines questions(const Diagnosis& diagnosis, const RenderOptions& options) {
  Lines lines;
  int number = 0;
  for (const QuestionAnswer& one : diagnosis.questions) {
    std::string answer(name_of(one.answer));
    answer.front() = static_cast<char>(answer.front() - 'a' + 'A');
    const std::string text = fmt::format("{} {}. {}", one.question, answer, one.evidence);
    for (std::string& line : labelled(fmt::format("{}.", ++number), 2, shown(text, options), options)) lines.push_back(std::move(line));
  }
  return lines;
}

std::string names(const Parts& parts) {
  std::vector<std::string> all;
  for (const Part& part : parts) all.push_back(text_of(part));
  return fmt::format("{}", fmt::join(all, "; "));
}

// Where everybody has a share, the list is no answer: who leads, and how much of it is keys.
std::string diffuse_text(const Diagnosis& diagnosis) {
  const MinimalSet& set = diagnosis.place.set;
  std::string text = fmt::format("diffuse: {} of {} layer sides must be exempt until {:.1f}% of the divergence is gone", set.parts.size(), diagnosis.scan.size(),
                                 100 * set.recovery);
  const std::vector<PartScore> told = suspected(diagnosis);
  text += told.empty() ? "; no single one does more than rounding does"
                       : fmt::format("; the strongest, {}, has {:.1f}%", text_of(told.front().part), 100 * told.front().recovery.value_or(0));
  text += tokens_text(diagnosis);
  for (const SideScore& one : diagnosis.sides)
    if (one.recovery) text += fmt::format("; all {}s exempt, {:.1f}% is gone", name_of(one.side), 100 * *one.recovery);
  return text;
}

std::string place_text(const Diagnosis& diagnosis) {
  const PlaceFinding& place = diagnosis.place;
  if (place.set.diffuse) return diffuse_text(diagnosis);
  if (place.set.parts.empty()) return fmt::format("token {}; no set of layer sides was found that recovers 80%", place.step);
  std::string text = fmt::format("{}; {} exempt, {:.1f}% of the divergence is gone", names(place.set.parts),
                                 place.set.parts.size() == 1 ? "with it" : "with these", 100 * place.set.recovery);
  if (place.set.minimal && place.set.parts.size() > 1) text += "; none of them can be spared";
  text += tokens_text(diagnosis);
  if (place.pair) text += "; either breaks it: neither recovers half alone";
  return text;
}

std::string cure_text(const CureFinding& cure) {
  const double more = static_cast<double>(cure.bytes) / static_cast<double>(std::max<int64_t>(1, cure.candidate_bytes)) - 1;
  return fmt::format("{}: {}; recovers {:.1f}%, {}, {:+.1f}% bytes", cure.name, cure.spec.text, 100 * cure.recovery,
                     cure.keeps_text ? "keeps the text" : "the text still parts", 100 * more);
}

std::string checks_text(const std::vector<CheckFinding>& checks) {
  std::map<Outcome, int> counts;
  for (const CheckFinding& one : checks) ++counts[one.result.outcome];
  const int undecided = counts[Outcome::undecided];
  return fmt::format("of model files, tokenizer, prompt and reference: {} passed, {} failed, {}{} not applicable", counts[Outcome::passed],
                     counts[Outcome::failed], undecided > 0 ? fmt::format("{} undecided, ", undecided) : "", counts[Outcome::not_applicable]);
}

Lines findings(const Diagnosis& diagnosis, const RenderOptions& options) {
  std::vector<std::pair<std::string, std::string>> rows;
  if (diagnosis.window_steps > 0) {
    rows.emplace_back("place", place_text(diagnosis));
    if (diagnosis.place.heads && !diagnosis.place.heads->parts.empty())
      rows.emplace_back("heads", fmt::format("{}; with these exempt, {:.1f}% is gone", names(diagnosis.place.heads->parts),
                                             100 * diagnosis.place.heads->recovery));
    rows.emplace_back("cause", fmt::format("{}: {}", diagnosis.cause.name, diagnosis.cause.evidence));
    rows.emplace_back("cure", diagnosis.cure.name.empty() ? "none of those tried" : cure_text(diagnosis.cure));
    const CureFinding& cure = diagnosis.cure;
    const auto words = [](const std::string& text, const std::string& note) {
      return text.empty() ? "cannot be said: " + note : fmt::format("{}{}{}", text, note.empty() ? "" : " ", note);
    };
    if (!cure.name.empty()) {
      rows.emplace_back("in transformers", words(cure.transformers.empty() ? "" : "cache_config = " + cure.transformers, cure.transformers_note));
      rows.emplace_back("in llama.cpp", words(cure.llama_cpp, cure.llama_cpp_note));
    }
  }
  for (LabelledRow& row : zoom_rows(diagnosis)) rows.push_back(std::move(row));
  if (diagnosis.further_prompts.given()) rows.emplace_back("prompts", further_text(diagnosis.further_prompts));
  if (const std::string text = conformance_text(diagnosis); !text.empty()) rows.emplace_back("cache", text);
  if (!diagnosis.checks.empty()) rows.emplace_back("checks", checks_text(diagnosis.checks));
  for (const std::string& left : diagnosis.left_to_try) rows.emplace_back("left to try", left);
  for (const std::string& warning : diagnosis.warnings) rows.emplace_back("warning", warning);
  return labelled_lines(rows, options);
}

Lines frame(const Diagnosis& diagnosis, const RenderOptions& options) {
  const ModelReport& model = diagnosis.model;
  std::vector<std::pair<std::string, std::string>> rows = {
      {"model", fmt::format("{} ({}, {} layers, {} KV heads of {}), {} arithmetic, {} attention", model.path.substr(model.path.find_last_of('/') + 1),
                            model.family, model.layers, model.kv_heads, model.head_size, model.dtype, model.attention)},
      {"prompt", clipped(shown(fmt::format("{}, {} tokens: {}", diagnosis.prompt.source, diagnosis.prompt.token_ids.size(), diagnosis.prompt.text), options),
                         160, options.unicode)}};
  if (diagnosis.window_steps > 0)
    rows.emplace_back("measured", fmt::format("forced KLD, mean of steps {} to {}: {} nats for this cache; {} of {} trials asked",
                                              diagnosis.window_first, diagnosis.window_first + diagnosis.window_steps - 1,
                                              short_number(diagnosis.candidate_kld), diagnosis.budget.asked, diagnosis.budget.trials));
  return labelled_lines(rows, options);
}

// Layers from left to right, one cell each; several layers share a cell where the line is too narrow.
Lines heat_map(const Diagnosis& diagnosis, const RenderOptions& options) {
  Lines lines;
  if (diagnosis.scan.empty()) return lines;
  const auto by_layer = [&](Side side, std::optional<double> PartScore::*figure) {
    std::vector<double> values(static_cast<size_t>(diagnosis.layers));
    for (const PartScore& one : diagnosis.scan)
      if (one.part.side == side) values[static_cast<size_t>(one.part.layer)] = std::max(0.0, (one.*figure).value_or(0));
    return values;
  };
  for (const auto& [title, figure] : {std::pair{"exempt alone, recovers", &PartScore::recovery}, {"quantized alone, makes", &PartScore::alone}}) {
    double largest = 0;
    for (const PartScore& one : diagnosis.scan)
      if (const auto value = one.*figure; value && std::isfinite(*value)) largest = std::max(largest, *value);
    if (largest == 0) continue;
    lines.push_back(fmt::format("{}, up to {:.1f}%", title, 100 * largest));
    for (const Side side : {Side::key, Side::value}) {
      const std::vector<double> values = by_layer(side, figure);
      const SparklineStyle style{std::max(8, options.width - 10), options.unicode, false, largest};
      lines.push_back(fmt::format("  {:<7}{}", fmt::format("{}s", name_of(side)), sparkline(values, style)));
    }
  }
  return lines;
}

Lines suspects(const Diagnosis& diagnosis, const RenderOptions& options) {
  if (diagnosis.scan.empty()) return {};
  Table table{{{"SUSPECT", false, 9}, {"EXEMPT ALONE RECOVERS", true, 8}, {"QUANTIZED ALONE MAKES", true, 7}}, {}};
  const std::vector<PartScore> told = suspected(diagnosis);
  for (size_t i = 0; i < std::min(most_suspects, told.size()); ++i) {
    const PartScore& one = told[i];
    table.rows.push_back({{text_of(one.part)}, {share(one.recovery, options)}, {share(one.alone, options)}});
  }
  for (const SideScore& one : diagnosis.sides)
    table.rows.push_back({{fmt::format("all {}s together", name_of(one.side))}, {share(one.recovery, options)}, {share(one.alone, options)}});
  return table_lines(table, options);
}

Lines curve(const Diagnosis& diagnosis, const RenderOptions& options) {
  Lines lines;
  const int width = std::clamp(options.width - 24, 8, 40);
  for (const CurvePoint& point : diagnosis.place.set.curve)
    lines.push_back(fmt::format("  {:>4}  {}  {:>7}", point.count, bar(std::max(0.0, point.recovery), 1, width, options.unicode), share(point.recovery, options)));
  return lines;
}

Lines channels(const Diagnosis& diagnosis, const RenderOptions& options) {
  const PlaceFinding& place = diagnosis.place;
  if (place.channel_scores.empty()) return {};
  Table table{{{"CHANNELS OF EACH HEAD", false, 9}, {"READ EXACTLY, RECOVERS", true, 8}, {"KEPT FROM THE QUANTIZER, RECOVERS", true, 7}}, {}};
  for (const ChannelScore& one : place.channel_scores)
    table.rows.push_back({{std::to_string(one.count)}, {share(one.exempt, options)}, {share(one.withheld, options)}});
  Lines lines = table_lines(table, options);
  for (size_t i = 0; i < std::min(most_suspects, place.channels.size()); ++i)
    lines.push_back(fmt::format("{}: channels {}", text_of(place.channels[i].part), fmt::join(place.channels[i].channels, ", ")));
  if (place.channels.size() > most_suspects) lines.push_back(fmt::format("and {} heads more", place.channels.size() - most_suspects));
  return lines;
}

Lines remedies(const Diagnosis& diagnosis, const RenderOptions& options) {
  if (diagnosis.remedies.empty()) return {};
  Table table{{{"REMEDY", false, 9}, {"RECOVERS", true, 8}, {"TEXT PARTS AT", true, 7}, {"BYTES", true, 6}}, {}};
  for (const RemedyResult& one : diagnosis.remedies) {
    const Tone tone = one.holds() ? Tone::good : one.heals_kld ? Tone::warning : Tone::plain;
    const bool asked = one.recovery.has_value();
    table.rows.push_back({{one.name, tone}, {share(one.recovery, options)},
                          {!asked ? dash(options) : one.parts_at ? grouped(*one.parts_at) : "never"}, {asked ? size_text(one.bytes) : dash(options)}});
  }
  Lines lines = table_lines(table, options);
  for (const RemedyResult& one : diagnosis.remedies)
    for (std::string& line : wrapped(fmt::format("{}: {}", one.name, shown(one.spec.text, options)), options.width)) lines.push_back(std::move(line));
  return lines;
}

Lines texts(const Diagnosis& diagnosis, const RenderOptions& options) {
  Lines lines;
  for (const DiagnosedLane& lane : diagnosis.lanes) {
    lines.push_back(painted(shown(lane.name, options), Tone::strong, options));
    const std::string_view text = std::string_view(lane.text).substr(0, bytes_of_characters(lane.text, text_characters));
    for (std::string& line : wrapped(shown(text, options), options.width - 2)) lines.push_back("  " + line);
  }
  return lines;
}

Lines reproduce(const Diagnosis& diagnosis, const RenderOptions& options) { return {"  " + shown(diagnosis.reproduce, options)}; }

struct Section {
  std::string_view title;
  Lines (*lines)(const Diagnosis&, const RenderOptions&);
};
constexpr Section sections[] = {{"", headline},
                                {"", questions},
                                {"", findings},
                                {"", frame},
                                {"WHERE THE CACHE IS NOT WHAT ITS SPEC SAYS", conformance_lines},
                                {"THE STEP AT WHICH THE TEXT PARTS", flip_account_lines},
                                {"", flip_table_lines},
                                {"BY LAYER, LAYER 0 AT THE LEFT", heat_map},
                                {"SUSPECTS", suspects},
                                {"RECOVERED WITH THE FIRST SO MANY SUSPECTS EXEMPT", curve},
                                {"CHANNELS OF THE ACCUSED HEADS, MOST DEVIATING FIRST", channels},
                                {"EXEMPT, OR THE REFERENCE'S OWN PUT IN: THE DIFFERENCE ARRIVED FROM ELSEWHERE", restored_lines},
                                {"IS ALL OF THE SET NEEDED?", company_lines},
                                {"THE SAME SET ON FURTHER PROMPTS", further_lines},
                                {"WHERE THE ERROR IS MADE, WORST LAYERS FIRST", layer_error_lines},
                                {"HOW MUCH ERROR THE TOKENS HOLD", token_kind_lines},
                                {"WHAT HEALING TOKENS DOES", token_healing_lines},
                                {"", token_lines},
                                {"FLUSHES", flush_lines},
                                {"ERROR BY LAYER AND STEP", error_map_lines},
                                {"REMEDIES TRIED", remedies},
                                {"TEXT, THE FIRST 200 CHARACTERS", texts},
                                {"TO REPRODUCE", reproduce}};

}  // namespace

std::string diagnosis_console(const Diagnosis& diagnosis, const RenderOptions& given) {
  RenderOptions options = given;
  options.width = std::clamp(given.width, 40, 200);
  std::string text;
  for (const Section& section : sections) {
    const Lines lines = section.lines(diagnosis, options);
    if (lines.empty()) continue;
    if (!text.empty()) text += "\n";
    if (!section.title.empty()) text += painted(section.title, Tone::strong, options) + "\n";
    for (const std::string& line : lines) text += line + "\n";
  }
  return text;
}

}  // namespace kvdiff
