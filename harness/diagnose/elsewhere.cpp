#include "harness/diagnose/elsewhere.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "harness/checks/checks.h"
#include "harness/checks/probe.h"

namespace kvdiff {
namespace {

bool failed_in(const std::vector<CheckFinding>& checks, std::string_view prefix) {
  return std::any_of(checks.begin(), checks.end(), [&](const CheckFinding& one) { return one.failed() && one.id.starts_with(prefix); });
}

bool goes_wrong(const ReferenceFacts& facts, const std::vector<CheckFinding>& checks) {
  return !facts.gibberish.empty() || failed_in(checks, "reference.") || failed_in(checks, "arithmetic.finite");
}

// About the question, not about the model.
bool mild(const CheckFinding& one) { return one.id.starts_with("prompt.") || one.id.starts_with("positions."); }

bool gibberish(const DiagnosedLane& lane) { return lane.gibberish_onset >= 0; }

const CheckFinding* accused(const Diagnosis& diagnosis) {
  for (const bool questions : {false, true})
    for (const CheckFinding& one : diagnosis.checks)
      if (one.failed() && mild(one) == questions && !(questions && gibberish(diagnosis.lanes[1]))) return &one;
  return nullptr;
}

}  // namespace

void check_the_rest(const Case& run, const RunReport& base, Loaded& loaded, const RunPlace& place, Diagnosis& diagnosis) {
  const CheckedFolder model = read_for_checks(loaded.ready.files.folder.path);
  ReferenceFacts facts = probe_reference(*loaded.engine, loaded.ready.text);
  if (const auto& free = base.lanes[0].free; free && free->gibberish && free->gibberish->onset >= 0) {
    facts.gibberish = free->gibberish->kind;
    facts.gibberish_onset = free->gibberish->onset;
  }
  if (const auto& free = base.lanes[0].free; free && doubtful(facts))
    probe_doubts(*loaded.engine, loaded.ready.text, base.prompt.token_ids, free->tokens, facts);
  probe_bases(loaded, facts);
  const CheckInput input{model, AskedPrompt{loaded.ready.prompt, run.tokens}, &facts};
  diagnosis.checks = run_checks(input);
  if (goes_wrong(facts, diagnosis.checks)) {
    probe_further(loaded, place, facts);
    diagnosis.checks = run_checks(input);
  }
  for (const CheckFinding& one : diagnosis.checks)
    if (one.failed()) diagnosis.warnings.push_back(fmt::format("check {}", text_of(one)));
}

bool lies_elsewhere(Diagnosis& diagnosis) {
  const bool broken = failed_in(diagnosis.checks, "reference.") || failed_in(diagnosis.checks, "arithmetic.finite");
  if (diagnosis.lanes.size() < 2 || (!broken && !gibberish(diagnosis.lanes[0]))) return false;
  const CheckFinding* check = accused(diagnosis);
  if (!check) return false;
  const DiagnosedLane& reference = diagnosis.lanes[0];
  const std::string what =
      gibberish(reference) ? fmt::format("without quantization the text turns to {} at token {}, too", reference.gibberish, reference.gibberish_onset)
                           : "the model goes wrong without quantization, too";
  diagnosis.finding = Finding::elsewhere;
  diagnosis.exit_code = static_cast<int>(ExitCode::input);
  diagnosis.headline = fmt::format("Not the cache: {}. Failed check {}.", what, text_of(*check));
  return true;
}

std::string reference_too(const Diagnosis& diagnosis) {
  if (diagnosis.finding == Finding::elsewhere || diagnosis.lanes.empty() || !gibberish(diagnosis.lanes[0])) return "";
  const auto failed = std::count_if(diagnosis.checks.begin(), diagnosis.checks.end(), [](const CheckFinding& one) { return one.failed(); });
  return fmt::format("Without quantization the text turns to {} at token {}, too, and {}; this is where the cache parts from it. ",
                     diagnosis.lanes[0].gibberish, diagnosis.lanes[0].gibberish_onset,
                     failed ? "a check of the prompt failed, but this cache goes wrong much earlier" : "no check of model, tokenizer and prompt failed");
}

}  // namespace kvdiff
