#include "harness/checks/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache_backends/error.h"
#include "harness/checks/groups.h"

namespace kvdiff {
namespace {

struct Need {
  unsigned bit;
  std::string_view what;
  bool (*there)(const CheckInput&);
};

constexpr Need needs[] = {
    {needs_config, "config.json could not be read", [](const CheckInput& input) { return input.model.config.has_value(); }},
    {needs_weights, "the weights could not be read", [](const CheckInput& input) { return input.model.weights.has_value(); }},
    {needs_tokenizer, "the tokenizer could not be read", [](const CheckInput& input) { return input.model.text.has_value(); }},
    {needs_prompt, "there is no prompt", [](const CheckInput& input) { return input.asked.has_value(); }},
    {needs_reference, "the reference was not run", [](const CheckInput& input) { return input.reference != nullptr; }},
};

CheckFinding run_check(const CheckRow& row, const CheckInput& input) {
  for (const Need& need : needs)
    if ((row.needs & need.bit) && !need.there(input)) return {std::string(row.id), not_applicable(std::string(need.what))};
  return {std::string(row.id), row.ask(input)};
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed: return "passed";
    case Outcome::failed: return "failed";
    case Outcome::undecided: return "undecided";
    case Outcome::not_applicable: return "not applicable";
  }
  throw InternalError("an outcome without a name");
}

CheckResult passed(std::string found) { return {Outcome::passed, std::move(found), "", ""}; }
CheckResult failed(std::string found, std::string expected, std::string advice) {
  return {Outcome::failed, std::move(found), std::move(expected), std::move(advice)};
}
CheckResult undecided(std::string found) { return {Outcome::undecided, std::move(found), "", ""}; }
CheckResult not_applicable(std::string why) { return {Outcome::not_applicable, std::move(why), "", ""}; }

std::vector<CheckRow> check_rows() {
  std::vector<CheckRow> rows;
  for (const auto group : {weight_checks(), structure_checks(), config_checks(), tokenizer_checks(), arithmetic_checks(),
                           reference_checks(), position_checks(), prompt_checks()})
    rows.insert(rows.end(), group.begin(), group.end());
  return rows;
}

std::vector<CheckFinding> run_checks(const CheckInput& input) {
  std::vector<CheckFinding> findings;
  for (const CheckRow& row : check_rows()) findings.push_back(run_check(row, input));
  return findings;
}

std::vector<CheckFinding> run_file_checks(const CheckedFolder& model) {
  std::vector<CheckFinding> findings;
  for (const CheckRow& row : check_rows())
    if (!(row.needs & (needs_prompt | needs_reference))) findings.push_back(run_check(row, {model, {}, nullptr}));
  return findings;
}

const CheckFinding* first_failed(const std::vector<CheckFinding>& findings) {
  const auto found = std::find_if(findings.begin(), findings.end(), [](const CheckFinding& one) { return one.failed(); });
  return found == findings.end() ? nullptr : &*found;
}

std::string text_of(const CheckFinding& finding) {
  const CheckResult& result = finding.result;
  if (!finding.failed()) return fmt::format("{}: {}", finding.id, result.found);
  return fmt::format("{}: found {}, expected {}; {}", finding.id, result.found, result.expected, result.advice);
}

}  // namespace kvdiff
