#include <fmt/format.h>

#include <utility>

#include "reports/console_sections.h"
#include "reports/numbers.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

constexpr int64_t shown_characters = 200;

std::string token_text(const TokenChoice& token, const RenderOptions& options) {
  if (token.text.empty()) return fmt::format("token {}", token.id);
  return fmt::format("\"{}\"", shown(token.text, options));
}

std::string tie_text(NearTie near_tie) {
  switch (near_tie) {
    case NearTie::yes: return "A near-tie: arithmetic alone could turn it.";
    case NearTie::no: return "A real flip.";
    case NearTie::unknown: return "Whether it is a near-tie is unknown: the arithmetic floor was not measured.";
  }
  return "";
}

std::string divergence_text(const Divergence& at, const RenderOptions& options) {
  return fmt::format("step {}: the reference says {} (margin {}), this lane {} (margin {}). {}", grouped(at.step),
                     token_text(at.reference, options), short_number(at.reference_margin), token_text(at.candidate, options),
                     short_number(at.candidate_margin), tie_text(at.near_tie));
}

std::string gibberish_text(const GibberishReport& found, const RenderOptions& options) {
  std::string text = fmt::format("gibberish from token {}: {}", found.onset, found.kind);
  if (!found.period_text.empty()) text += fmt::format(" of \"{}\"", shown(found.period_text, options));
  return text + fmt::format(" ({}).", shown(found.evidence, options));
}

struct Marks {
  size_t parts, gibberish, end;  // bytes; parts and gibberish are past the end where there are none
};

Marks marks_of(const FreeReport& free) {
  constexpr size_t nowhere = std::string::npos;
  const auto byte = [&](std::optional<int64_t> characters) { return characters ? bytes_of_characters(free.text, *characters) : nowhere; };
  return {byte(free.divergence_offset), byte(free.gibberish_offset), bytes_of_characters(free.text, shown_characters)};
}

struct TonedCell {
  Cell cell;
  Tone tone;
};

std::string_view mark_text(bool gibberish, const RenderOptions& options) {
  if (options.unicode) return gibberish ? "✖" : "▶";
  return gibberish ? "[x]" : "[>]";
}

void add_mark(std::vector<TonedCell>& cells, bool gibberish, const RenderOptions& options) {
  const std::string_view text = mark_text(gibberish, options);
  cells.push_back({{std::string(text), columns(text), 0}, gibberish ? Tone::bad : Tone::warning});
}

// The beginning of the text with its marks; what follows a mark has its colour.
std::vector<TonedCell> marked_cells(const FreeReport& free, const RenderOptions& options) {
  const Marks marks = marks_of(free);
  std::vector<TonedCell> cells;
  bool parts = false, gibberish = false;
  const auto pass = [&](size_t offset) {
    if (!std::exchange(parts, parts || offset >= marks.parts) && parts) add_mark(cells, false, options);
    if (!std::exchange(gibberish, gibberish || offset >= marks.gibberish) && gibberish) add_mark(cells, true, options);
  };
  for (Cell& cell : printable_cells(std::string_view(free.text).substr(0, marks.end), options.unicode)) {
    pass(cell.offset);
    const Tone tone = gibberish ? Tone::bad : parts ? Tone::warning : Tone::plain;
    cells.push_back({std::move(cell), tone});
  }
  pass(marks.end);
  if (marks.end < free.text.size()) cells.push_back({{options.unicode ? "…" : "...", options.unicode ? 1 : 3, 0}, Tone::dim});
  return cells;
}

Lines toned_lines(const std::vector<TonedCell>& toned, const RenderOptions& options) {
  std::vector<Cell> cells;
  for (const TonedCell& one : toned) cells.push_back(one.cell);
  Lines lines;
  for (const auto& [first, last] : line_ranges(cells, options.width - 2)) {
    std::string line = "  ", run;
    for (size_t i = first; i < last; ++i) {
      run += toned[i].cell.text;
      if (i + 1 < last && toned[i + 1].tone == toned[i].tone) continue;
      line += painted(run, toned[i].tone, options);
      run.clear();
    }
    lines.push_back(line);
  }
  return lines;
}

std::string beyond_text(const FreeReport& free) {
  if (!free.divergence_offset || *free.divergence_offset <= shown_characters) return "";
  return fmt::format("(parts later: at character {})", grouped(*free.divergence_offset));
}

}  // namespace

Lines divergence_lines(const RunReport& report, const RenderOptions& options) {
  Lines lines;
  const int width = label_width(candidates(report), options);
  for (const LaneReport* lane : candidates(report)) {
    if (!lane->free || !lane->free->first_divergence) continue;
    std::string text = divergence_text(*lane->free->first_divergence, options);
    if (lane->free->gibberish && lane->free->gibberish->onset >= 0) text += " Then " + gibberish_text(*lane->free->gibberish, options);
    for (std::string& line : labelled(shown(lane->name, options), width, text, options)) lines.push_back(std::move(line));
  }
  return lines;
}

Lines text_lines(const RunReport& report, const RenderOptions& options) {
  Lines lines;
  for (const LaneReport& lane : report.lanes) {
    if (!lane.free) continue;
    const bool same = lane.role == LaneRole::candidate && !lane.free->first_divergence;
    for (std::string& line : name_lines(lane.name, same ? "(the reference's text)" : beyond_text(*lane.free), options)) lines.push_back(std::move(line));
    if (same) continue;
    for (std::string& line : toned_lines(marked_cells(*lane.free, options), options)) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace kvdiff
