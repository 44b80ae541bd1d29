#include "harness/diagnose/diagnosis_json.h"

#include <cmath>

namespace kvdiff {
namespace {

Json json_of_parts(const Parts& parts) {
  Json list = Json::array();
  for (const Part& part : parts) list.push_back(json_of(part));
  return list;
}

Json json_of(const TokenChoice& token) {
  Json object = {{"id", token.id}, {"text", token.text}};
  number(object, "logit", token.logit, "");
  number(object, "logprob", token.logprob, "");
  return object;
}

Json json_of(const std::vector<TokenChoice>& tokens) {
  Json list = Json::array();
  for (const TokenChoice& token : tokens) list.push_back(json_of(token));
  return list;
}

Json json_of(const FlipShare& share) {
  Json object = kvdiff::json_of(share.part);
  object.erase("head");
  number(object, "exempt", share.exempt);
  number(object, "alone", share.alone);
  return object;
}

Json json_of(const RecoveryInterval& one) {
  return {{"low", one.low}, {"high", one.high}, {"share", 0.9}, {"unit", "block of consecutive steps of this one text"}, {"steps", one.steps},
          {"block", one.block}, {"resamples", one.resamples}};
}

Json json_of(const PairFinding& pair) {
  Json object = {{"kind", name_of(pair.kind)}, {"parts", json_of_parts({pair.one, pair.other})}};
  number(object, "exempt_first", pair.exempt_one);
  number(object, "exempt_second", pair.exempt_other);
  number(object, "exempt_both", pair.exempt_both, "not asked: it was not needed");
  number(object, "alone_first", pair.alone_one);
  number(object, "alone_second", pair.alone_other);
  number(object, "alone_both", pair.alone_both);
  return object;
}

Json json_of(const MemberScore& score) {
  Json object = kvdiff::json_of(score.part);
  object.erase("head");
  number(object, "exempt_without", score.exempt_without);
  number(object, "alone_without", score.alone_without);
  return object;
}

Json json_of(const RestoredScore& score) {
  Json object = {{"parts", json_of_parts(score.parts)}};
  number(object, "exempt", score.exempt);
  number(object, "restored", score.restored);
  number(object, "arrived", score.arrived());
  return object;
}

Json json_of(const TokenScore& score) {
  Json object = {{"name", score.name}, {"first", score.tokens.first}, {"last", score.tokens.second}};
  number(object, "recovery", score.recovery);
  number(object, "alone", score.alone);
  return object;
}

Json json_of(const PromptRecovery& one) {
  Json object = {{"source", one.prompt.source}, {"format", one.prompt.format}, {"text", one.prompt.text}, {"token_ids", one.prompt.token_ids}};
  object["steps"] = one.steps;
  number(object, "kld", one.kld, one.reason);
  number(object, "recovery", one.recovery, one.reason);
  object["parts_at"] = or_null(one.parts_at);
  object["exempt_parts_at"] = or_null(one.exempt_parts_at);
  return object;
}

}  // namespace

void number(Json& object, const std::string& name, std::optional<double> value, std::string_view missing) {
  if (value && std::isfinite(*value)) {
    object[name] = *value;
    return;
  }
  object[name] = nullptr;
  object[name + "_reason"] = value ? "not finite" : missing;
}

Json json_of(const Part& part) {
  Json object = {{"layer", part.layer}, {"side", name_of(part.side)}};
  object["head"] = part.head < 0 ? Json(nullptr) : Json(part.head);
  return object;
}

Json json_of(const ArithmeticFinding& found) {
  Json object = {{"measured", found.measured}, {"reason", found.reason}, {"control_exact", found.control_exact}, {"first", found.first}, {"steps", found.by_step.size()}};
  number(object, "floor", found.measured ? std::optional(found.floor) : std::nullopt, "not measured");
  number(object, "candidate", found.candidate, "not measured, or not finite");
  object["below"] = found.below;
  object["parts_below"] = json_of_parts(found.parts_below);
  object["by_step"] = found.by_step;
  return object;
}

Json json_of(const FirstFlip& flip) {
  Json object = {{"account", flip.account}, {"reason", flip.reason}};
  object["step"] = flip.at ? Json(flip.at->step) : Json(nullptr);
  if (!flip.at) return object;
  const Divergence& at = *flip.at;
  object["reference"] = json_of(at.reference);
  object["candidate"] = json_of(at.candidate);
  object["candidate_in_reference"] = json_of(at.reference_for_candidate);
  object["reference_top"] = json_of(at.reference_top);
  object["candidate_top"] = json_of(at.candidate_top);
  number(object, "reference_margin", at.reference_margin);
  number(object, "candidate_margin", at.candidate_margin);
  object["near_tie"] = name_of(at.near_tie);
  number(object, "arithmetic_floor", flip.floor, "not measured at that step");
  number(object, "reference_gap", flip.reference_gap);
  number(object, "candidate_gap", flip.candidate_gap, flip.reason);
  number(object, "change", flip.change(), flip.reason);
  object["shares"] = Json::array();
  for (const FlipShare& share : flip.shares) object["shares"].push_back(json_of(share));
  number(object, "exempt_sum", flip.exempt_sum, flip.reason);
  number(object, "alone_sum", flip.alone_sum, flip.reason);
  number(object, "noise", flip.noise(), "the arithmetic floor was not measured");
  number(object, "set_gap", flip.set_gap, "no set was named");
  object["healed"] = flip.healed;
  return object;
}

Json json_of(const RestoredFinding& found) {
  Json list = Json::array();
  for (const RestoredScore& score : found.scores) list.push_back(json_of(score));
  return list;
}

Json json_of(const IntervalFinding& found) {
  return {{"set", found.set ? json_of(*found.set) : Json(nullptr)}, {"reason", found.reason}};
}

Json json_of(const CompanyFinding& found) {
  Json object = Json::object();
  number(object, "alone", found.alone, "not asked: the error is diffuse, or the budget was spent");
  object["members"] = Json::array();
  for (const MemberScore& score : found.members) object["members"].push_back(json_of(score));
  object["pair"] = found.pair ? json_of(*found.pair) : Json(nullptr);
  if (found.search) object["search"] = {{"sides", found.search->sides}, {"left", found.search->left}, {"reason", found.search->reason}};
  return object;
}

Json json_of(const FurtherPromptsFinding& found) {
  const std::vector<double> values = found.recoveries();
  const std::optional<MeanInterval> interval = t_interval(values);
  Json object = {{"target", found.target}, {"held", found.held()}, {"measured", values.size()}, {"reason", found.reason}};
  object["smallest"] = values.empty() ? Json(nullptr) : Json(*std::min_element(values.begin(), values.end()));
  object["largest"] = values.empty() ? Json(nullptr) : Json(*std::max_element(values.begin(), values.end()));
  object["mean"] = values.empty() ? Json(nullptr) : Json(mean_of(values));
  object["interval"] = nullptr;
  if (interval) object["interval"] = {{"low", interval->low}, {"high", interval->high}, {"share", 0.9}, {"method", "student t"}, {"unit", "prompt"}};
  object["prompts"] = Json::array();
  for (const PromptRecovery& one : found.prompts) object["prompts"].push_back(json_of(one));
  return object;
}

Json json_of(const TokenFinding& found) {
  Json object = {{"everything", found.everything}, {"scores", Json::array()}};
  for (const TokenScore& score : found.scores) object["scores"].push_back(json_of(score));
  return object;
}

}  // namespace kvdiff
