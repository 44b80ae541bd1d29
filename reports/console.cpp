#include "reports/console.h"

#include <algorithm>

#include "reports/console_sections.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

struct Section {
  std::string_view title, explanation;
  Lines (*lines)(const RunReport&, const RenderOptions&);
};

constexpr Section sections[] = {
    {"", "", verdict_lines},
    {"", "", frame_lines},
    {"", "", lane_table_lines},
    {"WHERE THE TEXT PARTS", "", divergence_lines},
    {"TEXT", "the first 200 characters; ▶ where it parts from the reference, ✖ where gibberish begins", text_lines},
    {"WHERE ERROR IS MADE", "local: each layer is fed the reference's own state; relative L2 by layer, layer 0 at the left", local_lines},
    {"HOW IT GROWS", "forced: each lane is fed the reference's tokens; KLD by step on one scale for all lanes, four decades; "
                     "relative L2 of the hidden state by layer", forced_lines},
    {"WAS QUANTIZATION ACTIVE?", "", receipt_lines},
    {"WARNINGS", "", warning_lines},
    {"NOT MEASURED", "", not_measured_lines},
    {"TO REPRODUCE", "", reproduce_lines},
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  return text;
}

std::string title_text(const Section& section, const RenderOptions& options) {
  std::string text = painted(section.title, Tone::strong, options);
  if (section.explanation.empty()) return text + "\n";
  std::string explanation(section.explanation);
  if (!options.unicode) explanation = replaced(replaced(explanation, "▶", "[>]"), "✖", "[x]");
  for (const std::string& line : wrapped(explanation, options.width)) text += "\n" + painted(line, Tone::dim, options);
  return text + "\n";
}

}  // namespace

std::string shown(std::string_view text, const RenderOptions& options) { return printable(text, options.unicode); }

std::string dash(const RenderOptions& options) { return options.unicode ? "–" : "-"; }

int label_width(const std::vector<const LaneReport*>& lanes, const RenderOptions& options) {
  int width = 0;
  for (const LaneReport* lane : lanes) width = std::max(width, columns(shown(lane->name, options)));
  return width <= options.width * 2 / 5 ? width : 0;
}

Lines name_lines(std::string_view name, std::string_view remark, const RenderOptions& options) {
  Lines lines;
  for (const std::string& line : wrapped(shown(name, options), options.width)) lines.push_back(painted(line, Tone::strong, options));
  if (remark.empty()) return lines;
  const bool fits = lines.size() == 1 && columns(shown(name, options)) + columns(remark) + 2 <= options.width;
  if (fits) lines.back() += "  " + std::string(remark);
  else for (const std::string& line : wrapped(remark, options.width - 2)) lines.push_back("  " + line);
  return lines;
}

Lines labelled(std::string_view label, int label_columns, std::string_view text, const RenderOptions& options) {
  const int indent = label_columns > 0 ? label_columns + 2 : 2;
  Lines lines;
  if (label_columns == 0 && !label.empty()) lines = name_lines(label, "", options);
  std::string head = label_columns == 0 ? "  " : painted(padded_right(label, label_columns), Tone::strong, options) + "  ";
  for (const std::string& line : wrapped(text, options.width - indent)) {
    lines.push_back(head + line);
    head = std::string(static_cast<size_t>(indent), ' ');
  }
  return lines;
}

std::string console_report(const RunReport& report, const RenderOptions& given) {
  RenderOptions options = given;
  options.width = std::clamp(given.width, 40, 200);
  std::string text;
  for (const Section& section : sections) {
    const Lines lines = section.lines(report, options);
    if (lines.empty()) continue;
    if (!text.empty()) text += "\n";
    if (!section.title.empty()) text += title_text(section, options);
    for (const std::string& line : lines) text += line + "\n";
  }
  return text;
}

}  // namespace kvdiff
