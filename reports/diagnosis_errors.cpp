#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/diagnosis_flip.h"
#include "reports/diagnosis_sections.h"
#include "reports/markdown_text.h"
#include "reports/numbers.h"
#include "reports/table.h"
#include "reports/text.h"

namespace kvdiff {
namespace {

constexpr size_t most_layers = 8;

std::string number(const std::optional<double>& value, const RenderOptions& options) { return value ? short_number(*value) : dash(options); }
std::string share(const std::optional<double>& value, const RenderOptions& options) { return value ? percent_text(*value) : dash(options); }

// Most error born in it first.
std::vector<const LayerErrors*> worst_layers(const ErrorProfile& profile) {
  std::vector<const LayerErrors*> layers;
  for (const LayerErrors& one : profile.layers) layers.push_back(&one);
  std::stable_sort(layers.begin(), layers.end(), [](const LayerErrors* a, const LayerErrors* b) {
    return a->output_born.value_or(-1) > b->output_born.value_or(-1);
  });
  layers.resize(std::min(most_layers, layers.size()));
  return layers;
}

std::string sink(const AttentionError& error, const RenderOptions& options) {
  if (!error.sink_reference || !error.sink_change) return dash(options);
  return fmt::format("{} to {}", short_number(*error.sink_reference), short_number(*error.sink_reference + *error.sink_change));
}

const std::vector<std::string> layer_titles = {"LAYER", "BORN HERE", "ARRIVED TOO", "HIDDEN", "KEYS", "VALUES", "LOGIT MAX", "MASS MOVED", "AT MOST", "SINK MASS"};

std::vector<std::string> layer_row(const LayerErrors& layer, const RenderOptions& options) {
  const auto read = [&](size_t side) { return side < layer.sides.size() ? number(layer.sides[side].error, options) : dash(options); };
  return {std::to_string(layer.layer), number(layer.output_born, options), number(layer.output_forced, options), number(layer.hidden, options), read(0), read(1),
          number(layer.born.logit_max, options), share(layer.born.moved_mean, options), share(layer.born.moved_max, options), sink(layer.born, options)};
}

void append_wrapped(std::string_view text, Lines& lines, const RenderOptions& options) {
  for (std::string& line : wrapped(shown(text, options), options.width)) lines.push_back(std::move(line));
}

// The side and channel with the largest share of its side's squared error.
std::string channel_text(const ErrorProfile& profile) {
  const ReadError* worst = nullptr;
  int64_t at = 0;
  for (const LayerErrors& layer : profile.layers)
    for (const ReadError& side : layer.sides)
      if (!side.worst_channels.empty() && (!worst || side.worst_channels[0].share > worst->worst_channels[0].share)) {
        worst = &side;
        at = layer.layer;
      }
  if (!worst) return "";
  const ChannelError& channel = worst->worst_channels[0];
  return fmt::format("The channel with the largest share of its side's squared error: channel {} of head {}, layer {} {}s, with {}.", channel.channel,
                     channel.head, at, name_of(worst->side), percent_text(channel.share));
}

std::string travel_text(const ErrorProfile& profile) {
  const LayerErrors &first = profile.layers.front(), &last = profile.layers.back();
  if (!first.hidden || !last.hidden) return "";
  return fmt::format("The hidden state's error on its way: {} behind layer {}, {} behind layer {}.", short_number(*first.hidden), first.layer,
                     short_number(*last.hidden), last.layer);
}

std::string sink_text(const ErrorProfile& profile) {
  const LayerErrors* most = nullptr;
  const auto moved = [](const LayerErrors& one) { return std::fabs(one.born.sink_change.value_or(0)); };
  for (const LayerErrors& one : profile.layers)
    if (one.born.sink_reference && (!most || moved(one) > moved(*most))) most = &one;
  if (!most) return "";
  RenderOptions plain;
  return fmt::format("The first token's mass moved most in layer {}: {}.", most->layer, sink(most->born, plain));
}

std::vector<std::string> sentences(const ErrorProfile& profile) {
  std::vector<std::string> all = {travel_text(profile), sink_text(profile), channel_text(profile)};
  std::erase(all, "");
  return all;
}

std::string explanation() {
  return "Relative errors over all steps. Born here: of the attention output, where the layer is given the reference's own queries, keys and "
         "values. Arrived too: the same on the candidate's own. Hidden: behind the layer, arrived too. Keys, values: as they are held when the "
         "text ends. Born here, too: the largest error of an attention logit, the probability mass that moved (mean over heads and steps, at most), "
         "and the first token's mean mass, reference to candidate.";
}

struct Kind {
  std::string name;
  TokenError KindErrors::*tokens;
};
const Kind kinds[] = {{"sinks", &KindErrors::sinks}, {"prompt", &KindErrors::prompt}, {"generated", &KindErrors::generated}, {"residual", &KindErrors::residual}};
const std::vector<std::string> kind_titles = {"TOKENS", "HELD", "ERROR OF KEYS", "ERROR OF VALUES"};
const std::vector<std::string> healing_titles = {"TOKENS, ON ALL SIDES", "READ EXACTLY, RECOVERS", "KEPT FROM THE QUANTIZER, RECOVERS"};

std::vector<std::vector<std::string>> kind_rows(const Diagnosis& diagnosis, const RenderOptions& options) {
  std::vector<std::vector<std::string>> rows;
  if (diagnosis.errors.kinds.size() != 2) return rows;
  const KindErrors &keys = diagnosis.errors.kinds[0], &values = diagnosis.errors.kinds[1];
  for (const Kind& kind : kinds) {
    const TokenError &key = keys.*kind.tokens, &value = values.*kind.tokens;
    rows.push_back({kind.name, key.tokens == value.tokens ? grouped(key.tokens) : fmt::format("{} / {}", key.tokens, value.tokens), number(key.error(), options),
                    number(value.error(), options)});
  }
  return rows;
}

std::vector<std::vector<std::string>> healing_rows(const Diagnosis& diagnosis, const RenderOptions& options) {
  std::vector<std::vector<std::string>> rows;
  for (const TokenRangeScore& one : diagnosis.token_ranges)
    rows.push_back({fmt::format("{}: {}", one.name, positions_text({one.first, one.last})), share(one.exempt, options), share(one.withheld, options)});
  return rows;
}

Table table_of(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) {
  Table table;
  for (const std::string& title : titles) {
    const auto at = static_cast<int>(table.columns.size());
    table.columns.push_back({title, at > 0, at < 6 ? 20 - at : 0});
  }
  for (const std::vector<std::string>& row : rows) {
    table.rows.emplace_back();
    for (const std::string& cell : row) table.rows.back().push_back({cell});
  }
  return table;
}

std::vector<std::vector<std::string>> layer_rows(const Diagnosis& diagnosis, const RenderOptions& options) {
  std::vector<std::vector<std::string>> rows;
  for (const LayerErrors* layer : worst_layers(diagnosis.errors)) rows.push_back(layer_row(*layer, options));
  return rows;
}

}  // namespace

std::string markdown_table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return "";
  std::string text = "\n|", rule = "|";
  for (const std::string& title : titles) {
    std::string lower = title;
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    text += fmt::format(" {} |", markdown_text(lower));
    rule += rule == "|" ? "---|" : "--:|";
  }
  text += "\n" + rule + "\n";
  for (const std::vector<std::string>& row : rows) {
    text += "|";
    for (const std::string& cell : row) text += fmt::format(" {} |", markdown_text(cell));
    text += "\n";
  }
  return text;
}

Lines layer_error_lines(const Diagnosis& diagnosis, const RenderOptions& options) {
  if (diagnosis.errors.layers.empty()) return {};
  Lines lines = table_lines(table_of(layer_titles, layer_rows(diagnosis, options)), options);
  append_wrapped(explanation(), lines, options);
  for (const std::string& sentence : sentences(diagnosis.errors)) append_wrapped(sentence, lines, options);
  return lines;
}

Lines token_kind_lines(const Diagnosis& diagnosis, const RenderOptions& options) {
  const auto rows = kind_rows(diagnosis, options);
  if (rows.empty()) return {};
  Lines lines = table_lines(table_of(kind_titles, rows), options);
  append_wrapped("Held: tokens when the text ends, and the relative error of their keys and values. Sinks: the first 4 tokens. Residual: what is still in "
                 "full precision. How much error a token holds is not yet how much it matters: that is what healing tells.", lines, options);
  return lines;
}

Lines token_healing_lines(const Diagnosis& diagnosis, const RenderOptions& options) {
  const auto rows = healing_rows(diagnosis, options);
  if (rows.empty()) return {};
  Lines lines = table_lines(table_of(healing_titles, rows), options);
  append_wrapped("Shares of the divergence. Read exactly: attention reads them in full precision, all other codes stay. Kept from the quantizer: they stretch "
                 "nobody's scale either.", lines, options);
  return lines;
}

std::string error_markdown(const Diagnosis& diagnosis) {
  if (diagnosis.errors.layers.empty()) return "";
  RenderOptions options;
  options.unicode = true;
  std::string text = "\nWhere the error is made, worst layers first:\n" + markdown_table(layer_titles, layer_rows(diagnosis, options)) + "\n" + markdown_text(explanation());
  for (const std::string& sentence : sentences(diagnosis.errors)) text += " " + markdown_text(sentence);
  return text + "\n" + markdown_table(kind_titles, kind_rows(diagnosis, options)) + markdown_table(healing_titles, healing_rows(diagnosis, options));
}

}  // namespace kvdiff
