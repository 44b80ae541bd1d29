// What only a run can tell: numbers that overflow, a reference that knows no language.
#include <cmath>
#include <limits>

#include "harness/checks/probe.h"
#include "harness/diagnose/diagnose.h"
#include "harness/diagnose/elsewhere.h"
#include "tests/catch.h"
#include "tests/harness/checks/planted_model.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

using Ids = std::vector<std::string>;

Case ask(const PlantedModel& model, const char* spec = "hqq:bits=2,group=16,residual=4") {
  Case run;
  run.model = model.path().string();
  run.prompt.text = "The quick brown fox jumps over the lazy dog";
  run.caches = {parse_cache_spec(spec)};
  run.tokens = 24;
  run.ignore_eos = true;
  return run;
}

ReferenceFacts probed(const PlantedModel& model, Dtype dtype) {
  Case run = ask(model);
  run.dtype = dtype;
  Loaded loaded = load_case(run, {});
  return probe_reference(*loaded.engine, loaded.ready.text);
}

// A model of 49,152 tokens is made up, so that the checks of language apply; only config and facts are looked at.
Ids failed_with(const ReferenceFacts& facts) {
  CheckedFolder model;
  model.config.emplace();
  model.config->vocabulary_size = 49152;
  model.config->rope.theta = 10000;
  model.config->rms_norm_eps = 1e-5;
  const auto findings = run_checks({model, {}, &facts});
  UNSCOPED_INFO(all_text(findings));
  return failed_ids(findings);
}

ReferenceFacts sound_facts() {
  ReferenceFacts facts;
  facts.characters = 900;
  for (int i = 0; i < 200; ++i) facts.losses.push_back(3.5 + (i % 7) * 0.1);
  for (const double loss : facts.losses) facts.entropies.push_back(loss - 0.3);
  facts.largest = {10, 20000};
  return facts;
}

ThetaProbe with_base(const ReferenceFacts& facts, double theta, double gain) {
  ThetaProbe probe{theta, facts.losses};
  for (size_t i = 0; i < probe.losses.size(); ++i) probe.losses[i] -= gain + (i % 2 ? 0.2 : -0.2);
  return probe;
}

}  // namespace

TEST_CASE("checks: float16 that overflows is found, with the layer", "[checks]") {
  PlantedModel model;
  for (float& value : model.tensor("model.layers.3.mlp.down_proj.weight").values) value *= 20000;
  model.write_tensors();
  const ReferenceFacts facts = probed(model, Dtype::float16);
  CHECK(std::isfinite(facts.largest[2]));
  CHECK_FALSE(std::isfinite(facts.largest[3]));
  CHECK(failed_with(facts) == Ids{"arithmetic.finite"});
  CHECK(failed_with(probed(model, Dtype::float32)) == Ids{"reference.loss"});
}

TEST_CASE("checks: losses are those of the text's own tokens", "[checks]") {
  const PlantedModel model;
  const ReferenceFacts facts = probed(model, Dtype::float32);
  CHECK(facts.losses.size() == 255);
  CHECK(facts.characters > 255);
  double mean = 0;
  for (const double loss : facts.losses) mean += loss / 255;
  CHECK(mean > std::log(320) - 1);  // it never saw English
}

TEST_CASE("checks: sound facts fail none, and each fault fails its own", "[checks]") {
  CHECK(failed_with(sound_facts()) == Ids{});
  ReferenceFacts near = sound_facts();
  near.largest[1] = 64000;
  CHECK(failed_with(near) == Ids{"arithmetic.headroom"});
  near.dtype = Dtype::bfloat16;
  CHECK(failed_with(near) == Ids{});
  ReferenceFacts salad = sound_facts();
  for (double& loss : salad.losses) loss += 3;
  CHECK(failed_with(salad) == Ids{"reference.loss"});
  ReferenceFacts broken = sound_facts();
  broken.losses[5] = std::numeric_limits<double>::quiet_NaN();
  CHECK(failed_with(broken) == Ids{"arithmetic.finite"});
  ReferenceFacts rounded = sound_facts();
  rounded.oracle = {2, 3, 2}, rounded.deviation = {3, 3, 3};
  CHECK(failed_with(rounded) == Ids{"arithmetic.oracle"});
  rounded.oracle = {0.02, 0.03, 0.5};
  CHECK(failed_with(rounded) == Ids{});
}

namespace {

// Figures of a reading, in nats per token, as make_language_figures.py prints them.
ReferenceFacts reading(double loss, double entropy, std::optional<double> shuffled, std::optional<double> own) {
  ReferenceFacts facts;
  facts.losses.assign(200, loss);
  facts.entropies.assign(200, entropy);
  facts.characters = static_cast<int64_t>(200 * loss / std::log(2.0) / 2.2);  // 2.2 bits a character
  if (shuffled) facts.shuffled.assign(200, *shuffled);
  if (own) facts.own.assign(50, *own);
  return facts;
}

Outcome outcome_of(const ReferenceFacts& facts) {
  CheckedFolder model;
  model.config.emplace();
  model.config->vocabulary_size = 49152;
  for (const CheckFinding& one : run_checks({model, {}, &facts}))
    if (one.id == "reference.loss") return one.result.outcome;
  return Outcome::not_applicable;
}

}  // namespace

TEST_CASE("checks: a model that knows little English is not accused, whatever it pays", "[checks]") {
  CHECK(outcome_of(reading(3.74, 3.48, 8.44, 0.47)) == Outcome::undecided);   // SmolLM2 reads German
  CHECK(outcome_of(reading(4.91, 4.06, 7.59, 0.38)) == Outcome::undecided);   // Finnish
  CHECK(outcome_of(reading(3.33, 2.96, 10.42, 0.77)) == Outcome::undecided);  // Chinese
  CHECK(outcome_of(reading(6.0, 5.8, 6.1, 0.5)) == Outcome::undecided);       // no word of it is known, its own text is
  CHECK(outcome_of(reading(9.0, 8.9, {}, {})) == Outcome::undecided);         // nothing else was asked
  ReferenceFacts english = reading(3.88, 3.61, {}, {});
  english.characters *= 2;
  CHECK(outcome_of(english) == Outcome::passed);
}

TEST_CASE("checks: what no language explains is failed", "[checks]") {
  CHECK(outcome_of(reading(14.28, 1.83, 14.56, 1.09)) == Outcome::failed);   // three layers shuffled
  CHECK(outcome_of(reading(17.56, 3.25, 21.39, 1.0)) == Outcome::failed);    // every mlp.down_proj shuffled
  CHECK(outcome_of(reading(20.3, 1.74, 19.81, 0.98)) == Outcome::failed);    // all layers in another order
  CHECK(outcome_of(reading(13.46, 7.18, 13.86, 1.31)) == Outcome::failed);   // another tokenizer
  CHECK(outcome_of(reading(7.45, 5.98, 8.9, 2.03)) == Outcome::failed);      // two layers exchanged
  CHECK(outcome_of(reading(10.85, 10.78, 10.84, 8.9)) == Outcome::failed);   // never trained
}

TEST_CASE("checks: an undecided reading is no diagnosis, and is told with its figures", "[checks]") {
  CheckedFolder model;
  model.config.emplace();
  model.config->vocabulary_size = 49152;
  const ReferenceFacts facts = reading(4.91, 4.06, 7.59, 0.38);
  CHECK(failed_with(facts) == Ids{});
  const std::string text = all_text(run_checks({model, {}, &facts}));
  INFO(text);
  CHECK(text.find("0.85 nats per token beyond what it expects to pay, 2.68 more for the words shuffled, 0.38 for its own text") != std::string::npos);
  CHECK(text.find("a model that knows little English reads so") != std::string::npos);
}

TEST_CASE("checks: doubts are asked of the model itself, and shuffling keeps the words", "[checks]") {
  const PlantedModel model;
  Case run = ask(model);
  run.dtype = Dtype::float32;
  Loaded loaded = load_case(run, {});
  ReferenceFacts facts = probe_reference(*loaded.engine, loaded.ready.text);
  CHECK(facts.entropies.size() == facts.losses.size());
  for (const double entropy : facts.entropies) CHECK((entropy > 0 && entropy <= std::log(320.0) + 1e-9));
  CHECK(doubtful(facts));  // random weights
  const std::vector<int32_t> prompt = {5, 6, 7}, own = {8, 9};
  probe_doubts(*loaded.engine, loaded.ready.text, prompt, own, facts);
  CHECK(facts.shuffled.size() == facts.losses.size());
  CHECK(facts.shuffled != facts.losses);
  CHECK(facts.own.size() == own.size());
}

TEST_CASE("checks: a base that makes the text likelier is found, one that hardly does is not", "[checks]") {
  ReferenceFacts facts = sound_facts();
  facts.thetas = {with_base(facts, 100000, 0.12), with_base(facts, 500000, 0.08)};
  CHECK(failed_with(facts) == Ids{"reference.rope_theta"});
  facts.thetas = {with_base(facts, 100000, 0.01), with_base(facts, 500000, -0.3)};
  CHECK(failed_with(facts) == Ids{});
  for (double& loss : facts.losses) loss += 4;  // no model of language with any base: it has another fault
  facts.thetas = {with_base(facts, 100000, 0.25)};
  CHECK(failed_with(facts) == Ids{"reference.loss"});
}

TEST_CASE("checks: a diagnosis of a broken model says that it is not the cache", "[checks][diagnose]") {
  PlantedModel model;
  model.tensor("model.layers.2.mlp.up_proj.weight").values[17] = std::nanf("");
  model.write_tensors();
  const Diagnosis found = diagnose(ask(model), {}, {}, {});
  INFO(found.headline);
  CHECK(found.finding == Finding::elsewhere);
  CHECK(found.exit_code == 3);
  CHECK(found.headline.starts_with("Not the cache: "));
  CHECK(found.headline.find("weights.finite") != std::string::npos);
  CHECK(found.questions.at(0).answer == Answer::no);
  CHECK(found.budget.asked == 0);
}

TEST_CASE("checks: failed checks are a diagnosis's warnings", "[checks][diagnose]") {
  PlantedModel model;
  model.edit("config.json", [](nlohmann::json& config) { config["rms_norm_eps"] = 0.001; });
  const Diagnosis found = diagnose(ask(model), parse_budget("3"), {}, {});
  CHECK(failed_ids(found.checks) == Ids{"config.epsilon"});
  REQUIRE_FALSE(found.warnings.empty());
  CHECK(found.warnings.back().find("check config.epsilon: found") != std::string::npos);
}

namespace {

// The reference's and the candidate's onset of gibberish (-1: none), and the checks that failed.
std::string accused_of(int64_t reference, int64_t candidate, const Ids& failing) {
  Diagnosis diagnosis;
  diagnosis.lanes.resize(2);
  diagnosis.lanes[0].gibberish = diagnosis.lanes[1].gibberish = "loop";
  diagnosis.lanes[0].gibberish_onset = reference;
  diagnosis.lanes[1].gibberish_onset = candidate;
  diagnosis.checks.push_back({"weights.readable", passed("all")});
  for (const std::string& id : failing) diagnosis.checks.push_back({id, failed("this", "that", "do so")});
  if (!lies_elsewhere(diagnosis)) return reference_too(diagnosis).empty() ? "" : "reference too";
  CHECK(diagnosis.exit_code == 3);
  const std::string before = "Failed check ";
  const size_t at = diagnosis.headline.find(before) + before.size();
  return diagnosis.headline.substr(at, diagnosis.headline.find(':', at) - at);
}

}  // namespace

TEST_CASE("checks: what is called the cause", "[checks][diagnose]") {
  CHECK(accused_of(-1, -1, {}).empty());
  CHECK(accused_of(-1, 20, {"weights.scale", "prompt.turns"}).empty());  // the reference is sound: warnings
  CHECK(accused_of(9, -1, {}) == "reference too");
  CHECK(accused_of(9, -1, {"prompt.turns"}) == "prompt.turns");
  CHECK(accused_of(90, 20, {"prompt.turns"}) == "reference too");  // the cache goes wrong much earlier
  CHECK(accused_of(90, 20, {"prompt.turns", "weights.scale"}) == "weights.scale");
  CHECK(accused_of(9, -1, {"positions.length", "reference.loss"}) == "reference.loss");
  CHECK(accused_of(-1, -1, {"reference.loss"}) == "reference.loss");  // word salad is no gibberish that the text shows
}
