#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cache_backends/nearest.h"
#include "cache_backends/registry.h"
#include "cache_backends/spec_lane.h"
#include "harness/commands/command.h"
#include "harness/commands/output.h"
#include "harness/metrics/registry.h"
#include "harness/model/files/folder.h"
#include "harness/text/chat_format.h"
#include "harness/verdict/limits.h"
#include "scenarios/plan.h"
#include "scenarios/shipped.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

using Row = std::vector<std::string>;

// Columns side by side, each as wide as its widest cell.
std::string columns_text(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string key_text(const SpecKey& key) {
  const std::string choices = key.choices.empty() ? "N" : fmt::format("{}", fmt::join(key.choices, "|"));
  return fmt::format("  {}={}", key.name, choices);
}

void add_keys(std::vector<Row>& rows, const std::vector<SpecKey>& keys) {
  for (const SpecKey& key : keys) {
    rows.push_back({key_text(key), key.default_value.empty() ? "" : "default " + key.default_value, key.help});
  }
}

std::string list_backends(const ReportRoom&) {
  std::vector<Row> rows;
  for (const CodecRow& row : codecs()) {
    rows.push_back({std::string(row.name), fmt::format("schedule {}", row.schedule), std::string(row.summary),
                    fmt::format("as {}", row.peer)});
  }
  return "A cache is schedule x codec x layout. What may be written as its name, with the schedule that it then takes:\n" +
         columns_text(rows);
}

std::string list_codecs(const ReportRoom&) {
  std::string text;
  for (const CodecRow& row : codecs()) {
    std::vector<Row> rows;
    add_keys(rows, spec_keys(row));
    text += fmt::format("{}: {} ({})\n{}", row.name, row.summary, row.peer, columns_text(rows));
  }
  std::vector<Row> rows;
  add_keys(rows, lane_keys());
  return text + "For the whole cache, on any of its sides:\n" + columns_text(rows);
}

std::string list_schedules(const ReportRoom&) {
  std::vector<Row> rows;
  for (const ScheduleRow& row : schedules()) {
    rows.push_back({std::string(row.name), std::string(row.summary), fmt::format("as {}", row.peer)});
  }
  return columns_text(rows);
}

std::string list_metrics(const ReportRoom&) {
  std::vector<Row> rows;
  for (const Metric& metric : metrics()) {
    rows.push_back({std::string(metric.name), std::string(metric.unit), std::string(metric.derivation)});
  }
  std::vector<Row> limits;
  for (const LimitMetric& limit : limit_metrics()) {
    limits.push_back({std::string(limit.name), std::string(limit.unit), std::string(limit.summary)});
  }
  return "Measured, by stage:\n" + columns_text(rows) + "For --limit, beside those of the logits and MODE.STAGE.METRIC:\n" +
         columns_text(limits);
}

std::string list_scenarios(const ReportRoom&) {
  std::vector<Row> rows;
  for (const ShippedFile& file : shipped_scenarios()) {
    const Plan plan = make_plan(load_scenario(std::string(file.name)));
    const size_t candidates = plan.cases.front().caches.size();
    rows.push_back({plan.name, fmt::format("{} candidates, {} tokens", candidates, plan.cases.front().tokens), plan.summary});
  }
  return columns_text(rows);
}

std::string list_reports(const ReportRoom& reports) {
  std::vector<Row> rows;
  for (const ReportFormat& row : reports.formats) rows.push_back({std::string(row.name), std::string(row.summary)});
  return columns_text(rows);
}

std::string list_models(const ReportRoom&) {
  std::string path;
  try {
    path = resolve_model("smollm2").string();
  } catch (const UserError&) {
    path = "not made yet: ./x model makes it";
  }
  std::vector<Row> formats;
  for (const ChatFormat& format : chat_formats()) formats.push_back({"  " + std::string(format.name), std::string(format.used_by)});
  return columns_text({{"smollm2", "SmolLM2-135M-Instruct", path}}) +
         "Any other --model is a Hugging Face folder: config.json, *.safetensors, tokenizer.json; Llama family.\n"
         "Chat formats that are recognised in it:\n" + columns_text(formats);
}

struct Topic {
  std::string_view name;
  std::string (*text)(const ReportRoom& reports);
};
constexpr Topic topics[] = {{"backends", list_backends},   {"codecs", list_codecs},       {"schedules", list_schedules},
                            {"metrics", list_metrics},     {"scenarios", list_scenarios}, {"reports", list_reports},
                            {"models", list_models}};

ExitCode list(const std::string& name, const ReportRoom& reports) {
  std::vector<std::string_view> names;
  for (const Topic& topic : topics) {
    if (topic.name == name) return print(topic.text(reports)), ExitCode::passed;
    names.push_back(topic.name);
  }
  if (name.empty()) throw UserError(ExitCode::usage, fmt::format("list: found nothing, expected one of {}", joined(names)));
  throw UserError(ExitCode::usage, fmt::format("list: found {}, expected one of {}. Did you mean '{}'?", shown(name),
                                               joined(names), nearest_match(name, names)));
}

}  // namespace

std::function<ExitCode()> declare_list(CLI::App& parser, const ReportRoom& reports) {
  const auto name = std::make_shared<std::string>();
  parser.add_option("what", *name, "backends, codecs, schedules, metrics, scenarios, reports or models");
  return [name, reports] { return list(*name, reports); };
}

}  // namespace kvdiff
