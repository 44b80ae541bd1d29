#include "harness/run/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "cache_backends/kernels/simd.h"
#include "cache_backends/peer_forecast.h"
#include "harness/metrics/recorder.h"
#include "harness/model/files/digest.h"
#include "harness/run/dump.h"
#include "harness/run/lane_report.h"
#include "harness/run/prepare.h"
#include "harness/run/recompute.h"
#include "harness/run/text_scores.h"
#include "scenarios/command_line.h"

namespace kvdiff {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool has_mode(const Case& run, std::string_view mode) {
  return std::find(run.modes.begin(), run.modes.end(), mode) != run.modes.end();
}

void name_what_is_not_measured(Recorder& recorder) {
  const std::string same = "the reference's own, by definition of this mode";
  recorder.not_measured(Mode::local, Stage::key, same);
  recorder.not_measured(Mode::local, Stage::value, same);
  const std::string ends = "local mode ends at the attention output";
  recorder.not_measured(Mode::local, Stage::hidden, ends);
  recorder.not_measured(Mode::local, Stage::logits, ends);
  for (const Mode mode : {Mode::local, Mode::forced})
    for (const Stage stage : {Stage::key_read, Stage::value_read})
      recorder.not_measured(mode, stage, "nothing was encoded that attention could see");
}

std::vector<NotMeasured> never_measured(const Case& run) {
  std::vector<NotMeasured> all = {
      {"prefill: all stages but the last logits", "every decode step is observed, the prompt's own rows are not"},
      {"key_read and value_read between flushes", "histories are compared when they were encoded, not at every step"}};
  if (has_mode(run, "free"))
    all.push_back({"free: all stages", "the texts differ, there is no like for like; tokens are compared"});
  for (const std::string_view mode : {"local", "forced", "free"})
    if (!has_mode(run, mode)) all.push_back({fmt::format("{}: everything", mode), "this mode was not asked for"});
  return all;
}

// What the streams of local and forced mode were fed.
std::vector<int32_t> fed_tokens(const Prepared& ready, const LockstepResult& result) {
  std::vector<int32_t> tokens = ready.prompt.token_ids;
  tokens.insert(tokens.end(), result.followed.begin(), result.followed.end() - (result.followed.empty() ? 0 : 1));
  return tokens;
}

std::vector<double> arithmetic_floor(const Prepared& ready, const RunPlace& place, Engine& engine,
                                     const std::vector<int32_t>& tokens, const Values& hidden) {
  const auto first = static_cast<int64_t>(ready.prompt.token_ids.size()) - 1;
  const ModelShape& shape = engine.model.shape();
  std::vector<float> logits(static_cast<size_t>(shape.vocabulary));
  const auto logits_at = [&](int64_t step) -> std::span<const float> {
    const auto at = static_cast<size_t>((first + step) * shape.hidden);
    logits = engine.compute.read(logits_of(engine, hidden.span().subspan(at, static_cast<size_t>(shape.hidden)), 1).span());
    return logits;
  };
  return place.measure_floor({ready.files, shape.attention.dtype, tokens, first, logits_at, ready.pool->threads()});
}

std::string control_text(const ControlDifference& found) {
  if (!found.found) return "";
  const std::string place = found.layer < 0 ? "" : fmt::format(", layer {}", found.layer);
  return fmt::format("step {}{}: the control's {} differ from the reference's", found.step, place,
                     name_of(found.stage));
}

// Around the first onset, or the first step where a free lane parts; the start of the run where nothing happens.
std::pair<int64_t, int64_t> dump_window(const RunReport& report) {
  constexpr int64_t before = 2, after = 3;
  std::optional<int64_t> first;
  for (const LaneReport& lane : report.lanes) {
    const std::optional<int64_t> onset = lane.forced ? lane.forced->onset.step : std::nullopt;
    const bool parts = lane.free && lane.free->first_divergence && lane.role == LaneRole::candidate;
    for (const std::optional<int64_t> step :
         {onset, parts ? std::optional(lane.free->first_divergence->step) : std::nullopt})
      if (step && (!first || *step < *first)) first = step;
  }
  const int64_t middle = first.value_or(before);
  return {std::max<int64_t>(1, middle - before), middle + after};
}

// The run is the same bits again, so a second pass up to the window may keep whole tensors there.
void dump(const Case& run, const RunPlace& place, const Prepared& ready, Engine& engine, const RunHooks& hooks,
          RunReport& report) {
  const auto window = place.dump_steps.value_or(dump_window(report));
  DumpObserver observer(place.dump, window.first, window.second);
  LockstepInput input = lockstep_input(run, ready, &observer);
  input.tokens = std::min(run.tokens, window.second + 1);
  run_lockstep(engine, input, hooks);
  report.warnings.push_back(fmt::format("tensors of steps {} to {} are in {}: {} files", window.first, window.second,
                                        place.dump, observer.finish().size()));
}

void describe_model(const Prepared& ready, const Case& run, RunReport& report) {
  const ModelConfig& config = ready.files.config;
  const Dtype stored = config.dtype.value_or(ready.dtype);
  report.model = {ready.files.folder.path.string(), config.family, std::string(name_of(stored)),
                  std::string(name_of(ready.dtype)), run.attention, config.layers, config.heads, config.kv_heads,
                  config.head_size, config.vocabulary_size, config.max_positions};
  report.warnings = ready.warnings;
}

void describe_settings(const Prepared& ready, const Case& run, RunReport& report) {
  report.prompt = {ready.prompt_source, ready.prompt.format, ready.prompt.text, ready.prompt.token_ids};
  report.settings.modes.clear();
  for (const Mode mode : {Mode::local, Mode::forced, Mode::free})
    if (has_mode(run, name_of(mode))) report.settings.modes.push_back(mode);
  report.settings.tokens = run.tokens;
  report.settings.ignore_eos = run.ignore_eos;
  report.settings.continue_file = run.continue_file;
  report.settings.sampling = {run.temperature, run.top_k, run.top_p, run.seed};
  for (const auto& [metric, value] : run.limits) report.limits.push_back({metric, value});
  report.reproduce = command_line(run);
}

DigestsReport digests(const Prepared& ready, const Case& run) {
  const std::vector<int32_t>& ids = ready.prompt.token_ids;
  const std::string_view prompt(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t));
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe");
  return {digest_files({{program}}), digest_model(ready.files), ready.text.digest,
          digest_text(prompt), digest_text(command_line(run))};
}

// What the reference would have paid for each lane's free text. Lanes that wrote the same are read once.
std::vector<std::vector<double>> score_lanes(Engine& engine, const LockstepInput& input, const LockstepResult& result) {
  std::vector<std::vector<int32_t>> texts;
  std::vector<size_t> text_of;
  for (const LaneTrace& lane : result.lanes) {
    const auto known = std::find(texts.begin(), texts.end(), lane.free_tokens);
    text_of.push_back(static_cast<size_t>(known - texts.begin()));
    if (known == texts.end()) texts.push_back(lane.free_tokens);
  }
  const auto scores = score_texts(engine, *result.lanes[0].forced, input.prompt, texts);
  std::vector<std::vector<double>> nll;
  for (const size_t text : text_of) nll.push_back(scores[text]);
  return nll;
}

void warn_of_peers(const LockstepInput& input, const ModelConfig& config, Dtype dtype, const RunHooks& hooks) {
  const CacheShape shape{config.layers, 1, config.kv_heads, config.head_size, dtype};
  const auto steps = peer_steps({static_cast<int64_t>(input.prompt.size())}, input.tokens - 1);
  for (const LaneInput& lane : input.lanes) {
    for (const PeerEvent& event : forecast_peer({lane.spec, shape, steps}).events) hooks.warn(lane.name, text_of(event));
  }
}

}  // namespace

LockstepInput lockstep_input(const Case& run, const Prepared& ready, Observer* observer) {
  LockstepInput input;
  input.prompt = ready.prompt.token_ids;
  input.follow = ready.follow;
  input.lanes = lanes_of(run);
  input.local = has_mode(run, "local");
  input.forced = has_mode(run, "forced");
  input.free = has_mode(run, "free");
  input.tokens = run.tokens;
  if (!run.ignore_eos)
    for (const int64_t id : ready.files.generation.eos_ids) input.end_tokens.push_back(static_cast<int32_t>(id));
  input.sampling = {run.temperature, run.top_k, run.top_p, run.seed};
  input.observer = observer;
  input.token_text = ready.token_text();
  return input;
}

Loaded load_case(const Case& run, const RunPlace& place) {
  const auto start = Clock::now();
  Loaded loaded{prepare(run, place), place.device, nullptr, nullptr, 0};
  Prepared& ready = loaded.ready;
  const ModelOptions options{ready.dtype, run.attention == "eager"};
  const std::shared_ptr<const Compute> compute =
      place.device ? make_device_compute(*place.device) : make_host_compute(*ready.pool);
  loaded.model = make_model(ready.files.config, ready.files.weights, options, {*ready.pool, compute});
  loaded.engine = std::make_unique<Engine>(*loaded.model, *ready.pool);
  loaded.seconds = seconds_since(start);
  return loaded;
}

RunReport run_case(const Case& run, const RunPlace& place, const RunHooks& hooks) {
  Loaded loaded = load_case(run, place);
  return run_loaded(run, place, loaded, hooks);
}

RunReport run_loaded(const Case& run, const RunPlace& place, Loaded& loaded, const RunHooks& hooks) {
  const auto start = Clock::now();
  const Prepared& ready = loaded.ready;
  Engine& engine = *loaded.engine;
  const Model& model = *loaded.model;
  RunReport report;
  describe_model(ready, run, report);
  describe_settings(ready, run, report);
  report.digests = digests(ready, run);
  report.environment.simd = name_of(active_simd());
  report.environment.threads = ready.pool->threads();
  report.timing.phases.push_back({"load", loaded.seconds});

  Recorder recorder({static_cast<int>(run.caches.size()) + 2, static_cast<int>(model.shape().layers), run.tokens});
  name_what_is_not_measured(recorder);
  const LockstepInput input = lockstep_input(run, ready, &recorder);
  if (hooks.warn) warn_of_peers(input, ready.files.config, ready.dtype, hooks);
  const LockstepResult result = run_lockstep(engine, input, hooks);
  report.timing.phases.push_back({"prefill", result.prefill_seconds});
  report.timing.phases.push_back({"decode", result.decode_seconds});
  report.timing.steps_per_second =
      result.decode_seconds > 0 ? static_cast<double>(result.steps - 1) / result.decode_seconds : 0;
  report.partial = result.interrupted;
  if (result.interrupted)
    report.partial_reason = fmt::format("interrupted after {} of {} steps", result.steps, run.tokens);

  const auto check_start = Clock::now();
  const std::vector<int32_t> tokens = fed_tokens(ready, result);
  report.floors.control = {true, !result.control.found, control_text(result.control)};
  std::vector<double> floor;
  if (excluded_from_cutting(ready.files.config)) {
    report.floors.recomputation = {false, false, "dynamic RoPE scaling depends on how the text was cut"};
  } else {
    if (hooks.progress) hooks.progress({"recompute", result.steps, run.tokens, 0, 0});
    const Recomputation again = recompute(engine, *result.lanes[0].forced, tokens,
                                          static_cast<int64_t>(ready.prompt.token_ids.size()) - 1);
    report.floors.recomputation = {true, again.difference.empty(),
                                   again.difference.empty() ? "" : "first differing: " + again.difference};
    if (run.floor) {
      floor = arithmetic_floor(ready, place, engine, tokens, again.hidden);
      report.floors.arithmetic = ArithmeticFloor{floor};
    }
  }
  report.timing.phases.push_back({"recompute", seconds_since(check_start)});

  const auto score_start = Clock::now();
  if (hooks.progress && input.free) hooks.progress({"score", result.steps, run.tokens, 0, 0});
  const std::vector<std::vector<double>> nll = score_lanes(engine, input, result);
  if (input.free) report.timing.phases.push_back({"score", seconds_since(score_start)});

  const LaneContext context{run, ready, input, result, model, floor, nll};
  for (LaneId lane = 0; lane < static_cast<LaneId>(input.lanes.size()); ++lane)
    report.lanes.push_back(lane_report(context, lane, recorder.take(lane, floor)));
  report.not_measured = never_measured(run);
  if (!place.dump.empty() && !report.partial) dump(run, place, ready, engine, hooks, report);
  report.timing.seconds = loaded.seconds + seconds_since(start);
  return report;
}

}  // namespace kvdiff
