#include "harness/diagnose/diagnose.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "harness/diagnose/elsewhere.h"
#include "harness/diagnose/error_study.h"
#include "harness/diagnose/first_run.h"
#include "harness/diagnose/questions.h"
#include "harness/diagnose/remedies.h"
#include "harness/diagnose/walk.h"
#include "harness/run/prepare.h"
#include "harness/verdict/verdict.h"
#include "scenarios/command_line.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

constexpr int64_t window_steps = 48;
constexpr int64_t kept_for_remedies = 20;  // and what else is asked of the candidate as a whole
constexpr size_t reference_lane = 0, candidate_lane = 2;

class Diagnostician {
 public:
  Diagnostician(const Case& run, const Budget& budget, const RunPlace& place, Loaded& loaded, const RunHooks& hooks,
                const std::vector<FurtherPrompt>& further)
      : run_(run), budget_(budget), place_(place), loaded_(loaded), hooks_(hooks), further_(further) {}

  Diagnosis go(const RunReport& base) {
    describe_run(base, result_);
    result_.budget = {budget_.trials, 0};
    if (!base.partial) check_the_rest(run_, base, loaded_, place_, result_);
    if (!lies_elsewhere(result_)) {
      ask_the_cache(base);
      if (result_.conformance.accused()) accuse(base);
      else if (!refused(base)) investigate(base);
    }
    if (!further_.empty() && !result_.further_prompts.given()) result_.further_prompts.reason = "on the first prompt no set of layer sides was named";
    result_.questions = four_questions(result_);
    if (result_.headline.empty()) result_.headline = headline_of(result_);
    result_.headline = reference_too(result_) + result_.headline;
    return std::move(result_);
  }

 private:
  // First of all, because it needs no trial: is the cache what its spec says, and is it sound when it is handled?
  void ask_the_cache(const RunReport& base) {
    if (budget_.trusts_the_cache || base.partial || base.exit_code == static_cast<int>(ExitCode::input)) return;
    result_.conformance = check_conformance({run_, loaded_, place_, hooks_, material(base), fed_text(base)});
    const Audit& audit = result_.conformance.audit;
    for (const HandlingRow& row : audit.handling)
      result_.handling.push_back({row.operation, !row.difference, row.difference ? text_of(*row.difference) : "bit-equal"});
    if (!audit.conforms && !result_.conformance.accused())
      result_.warnings.push_back(fmt::format("the cache is not bit for bit what its spec says, but what that does stays below the arithmetic floor: {}",
                                             headline_of(result_.conformance)));
  }

  // A fault of the cache itself: what its format would lose is not asked.
  void accuse(const RunReport& base) {
    const Audit& audit = result_.conformance.audit;
    result_.finding = Finding::found;
    result_.place.step = audit.parts.front().first_update;
    result_.place.flush = flushes_read(base.lanes[candidate_lane], result_.place.step);
    for (const AuditedPart& part : audit.parts) {
      if (part.heads.size() == 1) result_.place.set.parts.push_back({part.layer, part.side, part.heads.front()});
      else result_.place.set.parts.push_back({part.layer, part.side, -1});
    }
    result_.cause = {audit.cause, audit.evidence};
    result_.headline = headline_of(result_.conformance);
    if (const LaneReport& lane = base.lanes[candidate_lane]; lane.status == LaneStatus::invalid) {
      result_.finding = Finding::invalid;
      result_.exit_code = static_cast<int>(ExitCode::invalid);
      result_.headline += fmt::format(" The measurement is invalid: {}.", lane.reason);
    }
  }

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
    const std::optional<Divergence>& parting = candidate.free->first_divergence;
    const std::optional<int64_t> flip = parting ? std::optional(parting->step) : std::nullopt;
    set_budget(base, window.end(), std::max(window.end(), flip.value_or(-1) + 1));
    TrialPlan plan{lockstep_input(run_, loaded_.ready, nullptr), window, result_.budget.trials};
    if (parting) plan.flip = FlipPoint{parting->step, parting->reference.id, parting->candidate.id};
    Trials trials(*loaded_.engine, std::move(plan), hooks_);
    Material& material = this->material(base);
    if (hooks_.progress) hooks_.progress({"flushes", steps, steps, 0, static_cast<int64_t>(base.lanes.size())});
    study_errors(base, material, loaded_.engine->pool, result_);
    material.crop(material.prompt + window.end());
    if (hooks_.progress) hooks_.progress({"arithmetic floor", 0, window.steps, 0, 0});
    result_.arithmetic = measure_arithmetic(loaded_, place_, fed_text(base), window, flip);
    attribute(trials, material, parting);
    finish(trials);
  }

  const CacheSpec& spec() const { return run_.caches.front(); }

  // The last token that it chose is fed to nobody.
  static std::span<const int32_t> fed_text(const RunReport& base) {
    const std::vector<int32_t>& tokens = base.lanes[reference_lane].free->tokens;
    return std::span(tokens).first(std::min(tokens.size(), static_cast<size_t>(base.lanes[reference_lane].steps - 1)));
  }

  // What the first run took tells what a trial will take, on this machine, now: trials about the place run to the flip, all
  // others to the end of the window. The number is recorded.
  void set_budget(const RunReport& base, int64_t window_end, int64_t flip_end) {
    if (budget_.seconds <= 0) return;
    double decode = 0;
    for (const PhaseTime& phase : base.timing.phases)
      if (phase.phase == "decode") decode = phase.seconds;
    const double lane_steps = static_cast<double>(base.lanes[reference_lane].steps) * (2.0 * static_cast<double>(base.lanes.size()) - 2);
    const auto cost = [&](int64_t steps) { return std::max(1e-3, decode / std::max(1.0, lane_steps) * static_cast<double>(steps)); };
    const double seconds = budget_.seconds - base.timing.seconds;
    const double of_the_place = 2 * static_cast<double>(quantized_parts(spec(), result_.layers).size()) + kept_for_remedies;
    const double trials = std::min(seconds / cost(flip_end), of_the_place);
    result_.budget.trials = std::max<int64_t>(1, static_cast<int64_t>(trials + std::max(0.0, seconds - trials * cost(flip_end)) / cost(window_end)));
  }

  void attribute(Trials& trials, const Material& material, const std::optional<Divergence>& parting) {
    trials.follow_flip(true);
    const auto whole = trials.ask({{spec(), {}}});
    Walk walk{trials, {spec(), result_.layers, whole[0] ? whole[0]->kld : 0}, material, result_};
    result_.candidate_kld = walk.subject.kld;
    if (whole[0]) judge_candidate(*whole[0], result_.arithmetic);
    search(walk);
    explain_flip(walk, parting);
    partial_ = walk.partial;
  }

  // The questions in their order; each is a step with a file of its own.
  void search(Walk& walk) {
    Trials& trials = walk.trials;
    if (result_.arithmetic.below) return;
    if (!(walk.subject.kld > 0) || !exempt_everything(trials, walk.subject)) {
      walk.leave("the scan, the search for a set, the remedies");
    } else {
      trials.keep(std::min(kept_for_remedies, trials.left() / 2));
      find_place(walk);
      trials.follow_flip(false);
      if (!walk.accused().empty()) {
        zoom(walk);
        find_interval(walk);
        find_restored(walk);
        find_company(walk);
        find_tokens(walk);
      }
      trials.keep(0);
      if (!further_.empty()) trials.keep(std::min(kept_for_remedies, trials.left() / 2));
      find_on_further_prompts(walk, further_, loaded_, run_, hooks_);
      trials.keep(0);
      find_cure(walk);
    }
  }

  // The patch itself is put to the test: with every side exempt the lane must be the reference, to the last bit.
  bool exempt_everything(Trials& trials, const Subject& subject) {
    const Parts all = quantized_parts(subject.spec, subject.layers);
    const auto answer = trials.ask({{subject.spec, patch_of(PatchKind::exempt, all)}});
    if (!answer[0]) return false;
    if (answer[0]->kld != 0) invalid_ = fmt::format("with every side exempt a KLD of {:.3g} is left", answer[0]->kld);
    return invalid_.empty();
  }

  void finish(const Trials& trials) {
    result_.budget.asked = trials.asked();
    result_.finding = result_.place.set.diffuse ? Finding::diffuse : Finding::found;
    if (!trials.control_fault().empty()) invalid_ = trials.control_fault();
    result_.arithmetic.control_exact = trials.asked() > 0 && trials.control_fault().empty();
    if (result_.arithmetic.below) {
      nothing_above_the_floor();
    } else if (partial_ || result_.place.set.parts.empty()) {
      result_.finding = Finding::partial;
      result_.exit_code = static_cast<int>(trials.interrupted() ? ExitCode::interrupted : ExitCode::inconclusive);
    }
    if (invalid_.empty()) return;
    result_.finding = Finding::invalid;
    result_.exit_code = static_cast<int>(ExitCode::invalid);
    result_.headline = fmt::format("Nothing can be said of this cache: {}.", invalid_);
  }

  void nothing_above_the_floor() {
    result_.finding = Finding::nothing;
    result_.exit_code = static_cast<int>(ExitCode::nothing_to_do);
    result_.headline = fmt::format("Nothing to explain: in steps {} to {} {}; that is no more than rounding does.", result_.window_first,
                                   result_.window_first + result_.window_steps - 1, text_of(result_.arithmetic));
  }

  // Of the whole text, computed once.
  Material& material(const RunReport& base) {
    if (!material_) material_ = material_of(*loaded_.engine, base.prompt.token_ids, fed_text(base));
    return *material_;
  }

  const Case& run_;
  const Budget& budget_;
  const RunPlace& place_;
  Loaded& loaded_;
  const RunHooks& hooks_;
  const std::vector<FurtherPrompt>& further_;
  Diagnosis result_;
  std::optional<Material> material_;
  std::string invalid_;
  bool partial_ = false;
};

void check_case(const Case& run) {
  if (run.caches.size() != 1)
    throw UserError(ExitCode::usage, fmt::format("diagnose: found {} candidates, expected one --cache: it says why that one parts", run.caches.size()));
  if (run.caches.front().lane.schedule == "full")
    throw UserError(ExitCode::usage, "diagnose: found a cache that quantizes nothing, expected one that does, like --cache hqq:bits=4");
}

std::string reproducing_line(const Case& run, int64_t trials, const std::vector<PromptSource>& further) {
  std::vector<std::string> words = arguments(run);
  words.at(1) = "diagnose";
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_quoted(word);
  for (const PromptSource& one : further)
    line += one.chat ? " --also-chat " + shell_quoted(*one.chat) : " --also-prompt " + shell_quoted(*one.text);
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

Diagnosis diagnose(const Case& given, const Budget& budget, const RunPlace& place, const RunHooks& hooks,
                   const std::vector<PromptSource>& further) {
  check_case(given);
  Case run = given;
  run.modes = {"local", "forced", "free"};
  Loaded loaded = load_case(run, place);
  const std::vector<FurtherPrompt> read = read_further_prompts(further, run, loaded);
  Case first = run;
  first.caches.assign(static_cast<size_t>(TrialPlan{}.lanes_per_batch), run.caches.front());
  check_memory(estimate_case(first, loaded.ready));
  first.caches = run.caches;
  for (const Remedy& gentle : gentler_formats(run.caches.front(), loaded.ready.files.config.layers)) first.caches.push_back(gentle.spec);
  RunHooks first_hooks = hooks;
  std::vector<std::string> peer_warnings;  // of the candidate: what its peer would have done, silently or not
  first_hooks.warn = [&](const std::string& lane, const std::string& text) {
    if (lane == run.caches.front().text) peer_warnings.push_back("the peer: " + text);
    if (hooks.warn) hooks.warn(lane, text);
  };
  const RunReport base = judged(run_loaded(first, place, loaded, first_hooks), {});
  Diagnosis diagnosis = Diagnostician(run, budget, place, loaded, hooks, read).go(base);
  diagnosis.warnings.insert(diagnosis.warnings.end(), peer_warnings.begin(), peer_warnings.end());
  run.modes = Case{}.modes;
  diagnosis.reproduce = reproducing_line(run, diagnosis.budget.trials, further);
  return diagnosis;
}

}  // namespace kvdiff
