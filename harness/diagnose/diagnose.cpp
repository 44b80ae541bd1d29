#include "harness/diagnose/diagnose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cache_backends/error.h"
#include "cache_backends/spec_dialects.h"
#include "harness/diagnose/causes.h"
#include "harness/diagnose/handling.h"
#include "harness/diagnose/questions.h"
#include "harness/diagnose/remedies.h"
#include "harness/diagnose/scan.h"
#include "harness/run/prepare.h"
#include "harness/verdict/verdict.h"
#include "scenarios/command_line.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

constexpr int64_t window_steps = 48;
constexpr int64_t kept_for_remedies = 12, most_heads = 40;
constexpr size_t reference_lane = 0, candidate_lane = 2;

// ---- from the first run, of the candidate and the gentler formats
void describe_lane(const LaneReport& lane, Diagnosis& diagnosis) {
  DiagnosedLane one{lane.name, lane.canonical, lane.free ? lane.free->text : "", {}, {}, "", -1, 0, lane.bytes};
  if (lane.free && lane.free->first_divergence && lane.role == LaneRole::candidate) one.parts_at = lane.free->first_divergence->step;
  if (lane.free && lane.free->gibberish) {
    one.gibberish = lane.free->gibberish->kind;
    one.gibberish_onset = lane.free->gibberish->onset;
  }
  if (lane.forced) {
    one.onset = lane.forced->onset.step;
    const Figure* mean = find_figure(lane.forced->summary, "kld_mean");
    one.kld_mean = mean && mean->value ? *mean->value : 0;
  }
  diagnosis.lanes.push_back(std::move(one));
}

void describe_run(const RunReport& base, Diagnosis& diagnosis) {
  diagnosis.kvdiff_version = base.environment.kvdiff_version;
  diagnosis.digests = base.digests;
  diagnosis.model = base.model;
  diagnosis.prompt = base.prompt;
  diagnosis.warnings = base.warnings;
  diagnosis.layers = base.model.layers;
  for (const LaneReport& lane : base.lanes)
    if (lane.role != LaneRole::control) describe_lane(lane, diagnosis);
}

// How many encodings of the history attention had read by then; -1: none.
int64_t flushes_read(const LaneReport& lane, int64_t step) {
  std::set<int64_t> steps;
  for (const FlushError& flush : lane.forced->flushes)
    if (flush.step <= step) steps.insert(flush.step);
  return static_cast<int64_t>(steps.size()) - 1;
}

std::optional<int64_t> first_sign(const LaneReport& lane) {
  std::optional<int64_t> first = lane.forced->onset.step;
  if (lane.free->first_divergence && (!first || lane.free->first_divergence->step < *first)) first = lane.free->first_divergence->step;
  for (const NotFiniteReport& found : lane.not_finite)
    if (found.in_candidate && (!first || found.place.step < *first)) first = found.place.step;
  return first;
}

std::string largest_difference(const LaneReport& lane) {
  const std::vector<double>& kld = lane.forced->kld;
  if (kld.empty()) return "nothing was measured";
  const auto largest = std::max_element(kld.begin(), kld.end());
  if (*largest == 0) return "not one bit of the logits differs";
  return fmt::format("the largest difference found is a KLD of {:.3g} nats at token {}", *largest, largest - kld.begin());
}

// ---- the walk
class Walk {
 public:
  Walk(const Case& run, const Budget& budget, Loaded& loaded, const RunHooks& hooks)
      : run_(run), budget_(budget), loaded_(loaded), hooks_(hooks) {}

  Diagnosis go(const RunReport& base) {
    describe_run(base, result_);
    result_.budget = {budget_.trials, 0};
    if (!refused(base)) investigate(base);
    result_.questions = four_questions(result_);
    if (result_.headline.empty()) result_.headline = headline_of(result_);
    return std::move(result_);
  }

 private:
  // Invalid, rejected or interrupted, or nothing to explain.
  bool refused(const RunReport& base) {
    const LaneReport& candidate = base.lanes[candidate_lane];
    if (base.partial || candidate.status == LaneStatus::invalid || candidate.status == LaneStatus::error ||
        base.exit_code == static_cast<int>(ExitCode::input)) {
      result_.finding = base.partial ? Finding::partial : Finding::invalid;
      result_.exit_code = static_cast<int>(base.partial ? ExitCode::interrupted : base.exit_code ? exit_of(base.exit_code) : ExitCode::invalid);
      result_.headline = base.partial ? base.partial_reason + "." : fmt::format("Nothing can be said of this cache: {}.", candidate.reason);
      return true;
    }
    const auto step = first_sign(candidate);
    result_.place.step = step.value_or(-1);
    if (step) return false;
    result_.finding = Finding::nothing;
    result_.exit_code = static_cast<int>(ExitCode::nothing_to_do);
    result_.headline = fmt::format("Nothing to explain: in {} tokens the text never parts from the reference's; {}.",
                                   candidate.steps, largest_difference(candidate));
    return true;
  }
  static ExitCode exit_of(int code) { return static_cast<ExitCode>(code); }

  void investigate(const RunReport& base) {
    const LaneReport& candidate = base.lanes[candidate_lane];
    result_.place.flush = flushes_read(candidate, result_.place.step);
    const int64_t steps = base.lanes[reference_lane].steps;
    const TrialWindow window{result_.place.step, std::min(window_steps, steps - result_.place.step)};
    result_.window_first = window.first;
    result_.window_steps = window.steps;
    set_budget(base, window);
    LockstepInput input = lockstep_input(run_, loaded_.ready, nullptr);
    Trials trials(*loaded_.engine, {std::move(input), window, result_.budget.trials}, hooks_);
    const Material material = material_of(*loaded_.engine, base.prompt.token_ids, reference_text(base, window));
    result_.handling = check_handling(spec(), material);
    attribute(trials, material);
    finish(trials);
  }

  const CacheSpec& spec() const { return run_.caches.front(); }

  static std::span<const int32_t> reference_text(const RunReport& base, const TrialWindow& window) {
    const std::vector<int32_t>& tokens = base.lanes[reference_lane].free->tokens;
    return std::span(tokens).first(std::min(tokens.size(), static_cast<size_t>(window.end())));
  }

  // What the first run took tells what a trial will take, on this machine, now. The number is recorded.
  void set_budget(const RunReport& base, const TrialWindow& window) {
    if (budget_.seconds <= 0) return;
    double decode = 0;
    for (const PhaseTime& phase : base.timing.phases)
      if (phase.phase == "decode") decode = phase.seconds;
    const double lane_steps = static_cast<double>(base.lanes[reference_lane].steps) * (2.0 * static_cast<double>(base.lanes.size()) - 2);
    const double one = std::max(1e-3, decode / std::max(1.0, lane_steps) * static_cast<double>(window.end()));
    result_.budget.trials = std::max<int64_t>(1, static_cast<int64_t>((budget_.seconds - base.timing.seconds) / one));
  }

  void attribute(Trials& trials, const Material& material) {
    const auto whole = trials.ask({{spec(), {}}});
    Subject subject{spec(), result_.layers, whole[0] ? whole[0]->kld : 0};
    result_.candidate_kld = subject.kld;
    if (!whole[0] || !(subject.kld > 0) || !exempt_everything(trials, subject)) return leave("the scan, the search for a set, the remedies");
    trials.keep(std::min(kept_for_remedies, trials.left() / 2));
    result_.scan = scan(trials, subject);
    result_.sides = scan_sides(trials, subject);
    find_place(trials, subject);
    if (!result_.place.set.parts.empty()) zoom(trials, subject, material);
    trials.keep(0);
    try_remedies(trials, subject);
    find_the_cause(subject);
  }

  // The patch itself is put to the test: with every side exempt the lane must be the reference, to the last bit.
  bool exempt_everything(Trials& trials, const Subject& subject) {
    const Parts all = quantized_parts(subject.spec, subject.layers);
    const auto answer = trials.ask({{subject.spec, patch_of(PatchKind::exempt, all)}});
    if (!answer[0]) return false;
    if (answer[0]->kld != 0) invalid_ = fmt::format("with every side exempt a KLD of {:.3g} is left", answer[0]->kld);
    return invalid_.empty();
  }

  void find_place(Trials& trials, const Subject& subject) {
    Parts ranking;
    for (const PartScore& one : result_.scan) ranking.push_back(one.part);
    const bool scanned = std::all_of(result_.scan.begin(), result_.scan.end(), [](const PartScore& one) { return one.recovery && one.alone; });
    if (!scanned) leave("the rest of the scan: each layer's keys and values, exempt alone and quantized alone");
    result_.place.set = find_minimal_set(ranking, [&](const std::vector<Parts>& sets) { return recoveries(trials, subject, sets); });
    const MinimalSet& set = result_.place.set;
    if (!set.complete) leave("larger and smaller sets of layer sides");
    result_.place.pair = set.parts.size() == 2 && !recovers_half_alone();
  }

  bool recovers_half_alone() const {
    return std::any_of(result_.scan.begin(), result_.scan.end(), [&](const PartScore& one) {
      const Parts& parts = result_.place.set.parts;
      return std::find(parts.begin(), parts.end(), one.part) != parts.end() && one.recovery.value_or(0) >= 0.5;
    });
  }

  // Without it there is no answer; a zoom that did not end leaves one that could be sharper.
  void leave(std::string what) {
    result_.left_to_try.push_back(std::move(what));
    partial_ = true;
  }

  // The accused sides, head by head, then their channels. Of what the set recovers, the same share is asked for.
  void zoom(Trials& trials, const Subject& subject, const Material& material) {
    const MinimalSet& set = result_.place.set;
    const double target = SetRule{}.target * set.recovery;
    Parts heads = heads_of(set.parts, material.shape.heads);
    if (!set.diffuse && material.shape.heads > 1 && static_cast<int64_t>(heads.size()) <= most_heads) {
      const Parts ranking = ranked_heads(trials, subject, heads);
      result_.place.heads = find_minimal_set(
          ranking, [&](const std::vector<Parts>& sets) { return recoveries(trials, subject, sets); }, {target, 1});
      if (!result_.place.heads->complete || ranking.size() < heads.size()) result_.left_to_try.push_back("heads of the accused sides");
      if (result_.place.heads->minimal) heads = result_.place.heads->parts;
    }
    ask_channels(trials, subject, {material, heads, target});
  }

  struct Accused {
    const Material& material;
    const Parts& heads;
    double target;
  };

  void ask_channels(Trials& trials, const Subject& subject, const Accused& accused) {
    std::vector<std::vector<int64_t>> order;
    for (const Part& head : accused.heads) order.push_back(deviating_channels(accused.material, head));
    std::vector<Trial> asked;
    for (int64_t count = 1; count * 4 <= accused.material.shape.head_size; count *= 2) {
      std::vector<std::vector<int64_t>> channels;
      for (const auto& one : order) channels.emplace_back(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(count));
      for (const PatchKind kind : {PatchKind::exempt, PatchKind::withhold})
        asked.push_back({subject.spec, patch_of(kind, accused.heads, channels)});
      result_.place.channel_scores.push_back({count, {}, {}});
    }
    const auto answers = trials.ask(asked);
    for (size_t i = 0; i < answers.size(); ++i) {
      if (!answers[i]) continue;
      ChannelScore& score = result_.place.channel_scores[i / 2];
      (i % 2 == 0 ? score.exempt : score.withheld) = 1 - answers[i]->kld / subject.kld;
    }
    name_channels(accused, order);
    if (!answers.empty() && !answers.back()) result_.left_to_try.push_back("channels of the accused heads");
  }

  void name_channels(const Accused& accused, const std::vector<std::vector<int64_t>>& order) {
    for (const ChannelScore& score : result_.place.channel_scores) {
      if (std::max(score.withheld.value_or(-1), score.exempt.value_or(-1)) < accused.target) continue;
      for (size_t i = 0; i < order.size(); ++i)
        result_.place.channels.push_back({accused.heads[i], {order[i].begin(), order[i].begin() + static_cast<std::ptrdiff_t>(score.count)}});
      return;
    }
  }

  void try_remedies(Trials& trials, const Subject& subject) {
    const auto remedies = remedies_for(subject.spec, loaded_.model->shape().cache(), result_.place.set.parts);
    std::vector<Trial> asked = {{subject.spec, {}, true}};
    for (const Remedy& one : remedies) asked.push_back({one.spec, {}, true});
    const auto answers = trials.ask(asked);
    const int64_t candidate_bytes = answers[0] ? answers[0]->bytes : 0;
    for (size_t i = 0; i < remedies.size(); ++i) result_.remedies.push_back(remedy_result(remedies[i], answers[i + 1], subject));
    std::stable_sort(result_.remedies.begin(), result_.remedies.end(), [](const RemedyResult& a, const RemedyResult& b) { return a.bytes < b.bytes; });
    if (!answers.back()) leave("remedies");
    choose_cure(candidate_bytes);
  }

  static RemedyResult remedy_result(const Remedy& remedy, const std::optional<TrialAnswer>& answer, const Subject& subject) {
    RemedyResult result{remedy.name, remedy.spec, {}, 0, {}, 0, false, false};
    if (!answer) return result;
    result.recovery = 1 - answer->kld / subject.kld;
    result.kld = answer->kld;
    result.parts_at = answer->parts_at;
    result.bytes = answer->bytes;
    result.heals_kld = *result.recovery >= SetRule{}.target && answer->not_finite == 0;
    result.heals_text = !answer->parts_at;
    return result;
  }

  // The cheapest that keeps the text; else the cheapest that recovers the divergence.
  void choose_cure(int64_t candidate_bytes) {
    const RemedyResult* best = nullptr;
    for (const RemedyResult& one : result_.remedies)
      if (one.heals_kld && (!best || (one.holds() && !best->holds()))) best = &one;
    if (!best) return;
    const DialectForm words = to_transformers(best->spec);
    result_.cure = {best->name, best->spec, best->heals_text, *best->recovery, best->bytes, candidate_bytes, words.text, words.note};
  }

  void find_the_cause(const Subject& subject) {
    const Parts& accused = result_.place.set.parts;
    CauseFacts facts{result_, {}, loaded_.model->shape().cache().head_size};
    if (accused.empty()) return;
    const CacheSpec more_bits = accused_at_8(subject);
    for (const RemedyResult& one : result_.remedies)
      if (one.spec == more_bits) facts.accused_at_8_bits = one.recovery;
    result_.cause = find_cause(facts);
  }

  CacheSpec accused_at_8(const Subject& subject) const {
    return rewritten(subject.spec, subject.layers, [&](int64_t layer, Side side, const SideSpec& now) {
      const Parts& parts = result_.place.set.parts;
      return std::find(parts.begin(), parts.end(), Part{static_cast<int>(layer), side, -1}) != parts.end() ? at_eight_bits(now) : now;
    });
  }

  void finish(const Trials& trials) {
    result_.budget.asked = trials.asked();
    result_.finding = result_.place.set.diffuse ? Finding::diffuse : Finding::found;
    if (!trials.control_fault().empty()) invalid_ = trials.control_fault();
    if (partial_ || result_.place.set.parts.empty()) {
      result_.finding = Finding::partial;
      result_.exit_code = static_cast<int>(trials.interrupted() ? ExitCode::interrupted : ExitCode::inconclusive);
    }
    if (invalid_.empty()) return;
    result_.finding = Finding::invalid;
    result_.exit_code = static_cast<int>(ExitCode::invalid);
    result_.headline = fmt::format("Nothing can be said of this cache: {}.", invalid_);
  }

  const Case& run_;
  const Budget& budget_;
  Loaded& loaded_;
  const RunHooks& hooks_;
  Diagnosis result_;
  std::string invalid_;
  bool partial_ = false;
};

void check_case(const Case& run) {
  if (run.caches.size() != 1)
    throw UserError(ExitCode::usage, fmt::format("diagnose: found {} candidates, expected one --cache: it says why that one parts", run.caches.size()));
  if (run.caches.front().lane.schedule == "full")
    throw UserError(ExitCode::usage, "diagnose: found a cache that quantizes nothing, expected one that does, like --cache hqq:bits=4");
}

std::string reproducing_line(const Case& run, int64_t trials) {
  std::vector<std::string> words = arguments(run);
  words.at(1) = "diagnose";
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_quoted(word);
  return fmt::format("{} --budget {}", line, trials);
}

}  // namespace

Budget parse_budget(std::string_view text) {
  Budget budget;
  const char unit = text.empty() ? '0' : text.back();
  if (unit != 's' && unit != 'm') {
    budget.trials = whole_number(text, 1);
    return budget;
  }
  budget.seconds = decimal_number(text.substr(0, text.size() - 1), 1, 1e6) * (unit == 'm' ? 60 : 1);
  return budget;
}

Diagnosis diagnose(const Case& given, const Budget& budget, const RunPlace& place, const RunHooks& hooks) {
  check_case(given);
  Case run = given;
  run.modes = {"forced", "free"};
  Loaded loaded = load_case(run, place);
  Case first = run;
  first.caches.assign(static_cast<size_t>(TrialPlan{}.lanes_per_batch), run.caches.front());
  check_memory(estimate_case(first, loaded.ready));
  first.caches = run.caches;
  for (const Remedy& gentle : gentler_formats(run.caches.front(), loaded.ready.files.config.layers)) first.caches.push_back(gentle.spec);
  const RunReport base = judged(run_loaded(first, place, loaded, hooks), {});
  Diagnosis diagnosis = Walk(run, budget, loaded, hooks).go(base);
  run.modes = Case{}.modes;
  diagnosis.reproduce = reproducing_line(run, diagnosis.budget.trials);
  return diagnosis;
}

}  // namespace kvdiff
