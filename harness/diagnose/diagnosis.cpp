#include "harness/diagnose/diagnosis.h"

#include "cache_backends/error.h"
#include "harness/diagnose/diagnosis_json.h"
#include "harness/diagnose/error_json.h"

namespace kvdiff {
namespace {

Json json_of(const CurvePoint& point);
Json json_of(const ChannelScore& score);
Json json_of(const AccusedChannels& accused);
Json json_of(const QuestionAnswer& one);
Json json_of(const PartScore& score);
Json json_of(const SideScore& score);
Json json_of(const RemedyResult& one);
Json json_of(const HandlingCheck& check);
Json json_of(const CheckFinding& check);
Json json_of(const DiagnosedLane& lane);

template <class Value> Json list_of(const std::vector<Value>& values) {
  Json list = Json::array();
  for (const Value& value : values) list.push_back(json_of(value));
  return list;
}

Json json_of(const CurvePoint& point) {
  Json object = {{"count", point.count}};
  number(object, "recovery", point.recovery);
  return object;
}

Json json_of(const MinimalSet& set) {
  Json object = {{"parts", list_of(set.parts)}};
  number(object, "recovery", set.recovery);
  object["diffuse"] = set.diffuse;
  object["minimal"] = set.minimal;
  object["complete"] = set.complete;
  object["curve"] = list_of(set.curve);
  return object;
}

Json json_of(const ChannelScore& score) {
  Json object = {{"count", score.count}};
  number(object, "exempt", score.exempt);
  number(object, "withheld", score.withheld);
  return object;
}

Json json_of(const AccusedChannels& accused) {
  Json object = json_of(accused.part);
  object["channels"] = accused.channels;
  return object;
}

Json json_of(const PlaceFinding& place) {
  Json object = {{"step", place.step}, {"flush", place.flush}, {"set", json_of(place.set)}, {"pair", place.pair}};
  object["heads"] = place.heads ? json_of(*place.heads) : Json(nullptr);
  object["channel_scores"] = list_of(place.channel_scores);
  object["channels"] = list_of(place.channels);
  return object;
}

Json json_of(const QuestionAnswer& one) {
  return {{"question", one.question}, {"answer", name_of(one.answer)}, {"evidence", one.evidence}};
}

Json json_of(const PartScore& score) {
  Json object = {{"layer", score.part.layer}, {"side", name_of(score.part.side)}};
  number(object, "recovery", score.recovery);
  number(object, "alone", score.alone);
  return object;
}

Json json_of(const SideScore& score) {
  Json object = {{"side", name_of(score.side)}};
  number(object, "recovery", score.recovery);
  number(object, "alone", score.alone);
  return object;
}

Json json_of(const RemedyResult& one) {
  Json object = {{"name", one.name}, {"cache", one.spec.text}, {"same_bits", one.same_bits}, {"regrouped", one.regrouped}};
  number(object, "recovery", one.recovery);
  number(object, "kld", one.recovery ? std::optional(one.kld) : std::nullopt);
  object["parts_at"] = or_null(one.parts_at);
  object["bytes"] = one.recovery ? Json(one.bytes) : Json(nullptr);
  number(object, "coded_share", one.recovery ? std::optional(one.coded_share) : std::nullopt);
  object["heals_kld"] = one.heals_kld;
  object["heals_text"] = one.heals_text;
  return object;
}

Json json_of(const CureFinding& cure) {
  if (cure.name.empty()) return nullptr;
  Json object = {{"name", cure.name}, {"cache", cure.spec.text}, {"keeps_text", cure.keeps_text}};
  number(object, "recovery", cure.recovery);
  object["bytes"] = cure.bytes;
  object["candidate_bytes"] = cure.candidate_bytes;
  object["transformers"] = cure.transformers.empty() ? Json(nullptr) : Json(cure.transformers);
  object["transformers_note"] = cure.transformers_note;
  object["llama_cpp"] = cure.llama_cpp.empty() ? Json(nullptr) : Json(cure.llama_cpp);
  object["llama_cpp_note"] = cure.llama_cpp_note;
  return object;
}

Json json_of(const HandlingCheck& check) {
  return {{"operation", check.operation}, {"sound", check.sound}, {"detail", check.detail}};
}

Json json_of(const CheckFinding& check) {
  const CheckResult& result = check.result;
  return {{"id", check.id}, {"outcome", name_of(result.outcome)}, {"found", result.found}, {"expected", result.expected}, {"advice", result.advice}};
}

Json json_of(const DiagnosedLane& lane) {
  Json object = {{"name", lane.name}, {"canonical", lane.canonical}, {"parts_at", or_null(lane.parts_at)}, {"onset", or_null(lane.onset)}};
  object["gibberish"] = lane.gibberish;
  object["gibberish_onset"] = lane.gibberish_onset < 0 ? Json(nullptr) : Json(lane.gibberish_onset);
  number(object, "kld_mean", lane.kld_mean);
  object["bytes"] = lane.bytes.total;
  object["full_precision_bytes"] = lane.bytes.full_precision;
  object["text"] = lane.text;
  return object;
}

void add_origin(const Diagnosis& diagnosis, Json& object) {
  const ModelReport& model = diagnosis.model;
  object["kvdiff_version"] = diagnosis.kvdiff_version;
  object["model"] = {{"path", model.path}, {"family", model.family}, {"weights_dtype", model.weights_dtype}, {"dtype", model.dtype},
                     {"attention", model.attention}, {"layers", model.layers}, {"kv_heads", model.kv_heads}, {"head_size", model.head_size}};
  object["prompt"] = {{"source", diagnosis.prompt.source}, {"format", diagnosis.prompt.format}, {"text", diagnosis.prompt.text},
                      {"token_ids", diagnosis.prompt.token_ids}};
  const DigestsReport& digests = diagnosis.digests;
  object["digests"] = {{"build", digests.build}, {"model", digests.model}, {"tokenizer", digests.tokenizer}, {"prompt", digests.prompt}};
}

}  // namespace

std::string_view name_of(Answer answer) {
  switch (answer) {
    case Answer::yes: return "yes";
    case Answer::no: return "no";
    case Answer::undecided: return "undecided";
  }
  throw InternalError("an answer without a name");
}

std::string_view name_of(Finding finding) {
  switch (finding) {
    case Finding::found: return "found";
    case Finding::diffuse: return "diffuse";
    case Finding::nothing: return "nothing";
    case Finding::elsewhere: return "elsewhere";
    case Finding::partial: return "partial";
    case Finding::invalid: return "invalid";
  }
  throw InternalError("a finding without a name");
}

std::string diagnosis_json(const Diagnosis& diagnosis) {
  Json object = {{"schema", diagnosis_schema}, {"finding", name_of(diagnosis.finding)}, {"headline", diagnosis.headline},
                 {"exit_code", diagnosis.exit_code}};
  object["questions"] = list_of(diagnosis.questions);
  object["place"] = json_of(diagnosis.place);
  object["cause"] = {{"name", diagnosis.cause.name}, {"evidence", diagnosis.cause.evidence}};
  object["cure"] = json_of(diagnosis.cure);
  object["window"] = {{"first", diagnosis.window_first}, {"steps", diagnosis.window_steps}};
  number(object["window"], "candidate_kld", diagnosis.candidate_kld);
  object["scan"] = list_of(diagnosis.scan);
  object["sides"] = list_of(diagnosis.sides);
  object["token_ranges"] = list_of(diagnosis.token_ranges);
  object["flushes"] = json_of(diagnosis.flushes);
  object["errors"] = json_of(diagnosis.errors);
  object["error_maps"] = list_of(diagnosis.error_maps);
  object["remedies"] = list_of(diagnosis.remedies);
  object["handling"] = list_of(diagnosis.handling);
  object["conformance"] = json_of(diagnosis.conformance);
  object["checks"] = list_of(diagnosis.checks);
  object["lanes"] = list_of(diagnosis.lanes);
  object["budget"] = {{"trials", diagnosis.budget.trials}, {"asked", diagnosis.budget.asked}};
  object["arithmetic"] = json_of(diagnosis.arithmetic);
  object["first_flip"] = json_of(diagnosis.first_flip);
  object["restored"] = json_of(diagnosis.restored);
  object["interval"] = json_of(diagnosis.interval);
  object["company"] = json_of(diagnosis.company);
  object["tokens"] = json_of(diagnosis.tokens);
  if (diagnosis.further_prompts.given()) object["further_prompts"] = json_of(diagnosis.further_prompts);
  object["left_to_try"] = diagnosis.left_to_try;
  object["warnings"] = diagnosis.warnings;
  add_origin(diagnosis, object);
  object["reproduce"] = diagnosis.reproduce;
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kvdiff
