#include "harness/lifecycle/lifecycle.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "cache_backends/registry.h"
#include "harness/lifecycle/operations.h"

namespace kvdiff {
namespace {

constexpr LifecycleCase cases[] = {{1, 1}, {1, 37}, {1, 64}, {3, 1}, {3, 37}, {3, 64}};
constexpr uint64_t seed = 20260701;
constexpr int64_t window = 32;  // of every_codec()

// Several layers, and those that the spec names.
CacheShape shape_of(const CacheSpec& spec, int64_t batch) {
  CacheShape shape{.layers = 3, .batch = batch, .heads = 2, .head_size = 64, .dtype = Dtype::float16};
  for (const LayerOverride& override : spec.overrides)
    for (const auto& [first, last] : override.ranges) shape.layers = std::max({shape.layers, last + 1, -first});
  constexpr int64_t most_layers = 128;
  if (shape.layers > most_layers)
    throw UserError(ExitCode::usage, fmt::format("found layer {}, expected at most {}: K and V are drawn for all layers",
                                                 shape.layers - 1, most_layers - 1));
  return shape;
}

int64_t tokens_for(const CacheSpec& spec, const LifecycleOptions& options) {
  constexpr int64_t steps_beyond = 8, most = 136;
  return options.tokens.value_or(std::min(spec.lane.residual + steps_beyond, most));
}

struct CaseResult {
  std::vector<LifecycleRow> rows;
  int64_t flushes = 0;
};

CaseResult run_case(const CacheSpec& spec, const LifecycleCase& place, int64_t tokens, const PeerCacheFault* fault) {
  const CacheShape shape = shape_of(spec, place.batch);
  const DrawnText text = drawn_text(shape, place.prompt + tokens, seed);
  const Tape tape{shape, place.prompt, place.prompt + tokens, place.prompt + tokens, text.key, text.value};
  const std::function<std::unique_ptr<KvCache>()> make = [&] {
    auto cache = make_cache(spec, shape);
    return fault ? fault->plant(std::move(cache)) : std::move(cache);
  };
  const Record expected(tape, make, true);
  CaseResult result{{}, expected.flushes()};
  for (const LifecycleOperation& operation : lifecycle_operations()) {
    OperationTrial trial{tape, make, expected, true, {}};
    try_operation(operation, trial);
    result.rows.push_back({std::string(operation.name), trial.applies ? 1 : 0, trial.found, place});
  }
  return result;
}

void join(std::vector<LifecycleRow>& all, const std::vector<LifecycleRow>& more) {
  if (all.empty()) {
    all = more;
    return;
  }
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].cases += more[i].cases;
    if (all[i].difference) continue;
    all[i].difference = more[i].difference;
    all[i].where = more[i].where;
  }
}

bool fails(const std::vector<LifecycleRow>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const LifecycleRow& row) { return row.difference.has_value(); });
}

// Each fault in turn is planted in a sound cache: which fail as this one did?
std::vector<std::string> name_faults(const CacheSpec& spec, const LifecycleCase& place, int64_t tokens,
                                     const std::vector<LifecycleRow>& rows) {
  std::vector<std::string> names;
  for (const PeerCacheFault& fault : peer_cache_faults())
    if (run_case(spec, place, tokens, &fault).rows == rows)
      names.push_back(fmt::format("{} (transformers {}): {}", fault.name, fault.versions, fault.what));
  return names;
}

std::string place_of(const LifecycleCase& place) { return fmt::format("B = {}, prompt {}", place.batch, place.prompt); }

}  // namespace

bool LifecycleReport::sound() const { return !fails(rows); }

LifecycleReport check_lifecycle(const CacheSpec& spec, const LifecycleOptions& options) {
  LifecycleReport report{canonical(spec), 0, tokens_for(spec, options), 0, {}, {}, {}};
  std::optional<std::pair<LifecycleCase, std::vector<LifecycleRow>>> first_failure;
  for (const LifecycleCase& place : cases) {
    try {
      const CaseResult result = run_case(spec, place, report.tokens, options.fault);
      report.flushes = report.cases == 0 ? result.flushes : std::min(report.flushes, result.flushes);
      ++report.cases;
      if (!first_failure && fails(result.rows)) first_failure = {place, result.rows};
      join(report.rows, result.rows);
    } catch (const UserError& error) {
      if (error.code() != ExitCode::usage) throw;
      report.refused.push_back(fmt::format("{}: {}", place_of(place), error.what()));
    }
  }
  if (report.cases == 0) throw UserError(ExitCode::usage, report.refused.front());
  if (first_failure) report.fails_as = name_faults(spec, first_failure->first, report.tokens, first_failure->second);
  return report;
}

std::vector<std::string> every_codec() {
  std::vector<std::string> specs;
  for (const CodecRow& row : codecs()) {
    const ScheduleRow& schedule = find_schedule(row.schedule);
    const bool has_window = schedule.default_residual > window && schedule.largest_residual >= window;
    const bool encodes = row.make != nullptr;
    specs.push_back(encodes && has_window ? fmt::format("{}:residual={}", row.name, window) : std::string(row.name));
  }
  return specs;
}

std::string lifecycle_table(const LifecycleReport& report) {
  std::string text = fmt::format("{}: {} cases, {} tokens behind each prompt\n", report.cache, report.cases, report.tokens);
  for (const LifecycleRow& row : report.rows) {
    const std::string result = row.difference   ? fmt::format("{} ({})", text_of(*row.difference), place_of(row.where))
                               : row.cases == 0 ? "does not apply: every token is encoded as it comes"
                                                : "same bits";
    text += fmt::format("  {:<30}  {}\n", row.operation, result);
  }
  for (const std::string& name : report.fails_as) text += fmt::format("  fails as {}\n", name);
  if (!report.sound() && report.fails_as.empty()) text += "  fails as none of transformers' faults that are known here\n";
  for (const std::string& refused : report.refused) text += fmt::format("  not run: {}\n", refused);
  return text;
}

}  // namespace kvdiff
