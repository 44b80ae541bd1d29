#include "harness/diagnose/questions.h"

#include "harness/diagnose/causes.h"
#include "tests/catch.h"

using namespace kvdiff;

namespace {

DiagnosedLane lane(const std::string& name, double kld) {
  DiagnosedLane one;
  one.name = name;
  one.kld_mean = kld;
  return one;
}

// A candidate that parts at token 7, beside a sound reference and a gentle format.
Diagnosis sample() {
  Diagnosis diagnosis;
  diagnosis.finding = Finding::found;
  diagnosis.lanes = {lane("reference", 0), lane("hqq:bits=2", 3), lane("int8", 0.001)};
  diagnosis.lanes[1].parts_at = 7;
  diagnosis.handling = {{"fork", true, "bit-equal"}, {"crop", true, "bit-equal"}};
  diagnosis.place.step = 7;
  diagnosis.place.flush = 0;
  diagnosis.place.set.parts = {{3, Side::key, -1}};
  diagnosis.place.set.recovery = 0.96;
  diagnosis.cause = {"precision", "because"};
  diagnosis.cure = {"int8", parse_cache_spec("int8"), true, 0.99, 103, 100, "", "", "", ""};
  diagnosis.remedies = {{"int8", parse_cache_spec("int8"), false, 0.99, 0.001, {}, 103, true, true}};
  return diagnosis;
}

CauseFacts facts(const Diagnosis& diagnosis, std::optional<double> at_8_bits, int64_t head_size) {
  CacheShape shape;
  shape.layers = 4;
  shape.heads = 2;
  shape.head_size = head_size;
  return {diagnosis, at_8_bits, parse_cache_spec("hqq:bits=4,group=64,axis=0"), shape};
}

Answer answer(const Diagnosis& diagnosis, size_t question) { return four_questions(diagnosis)[question].answer; }

}  // namespace

TEST_CASE("questions: a sound reference and a candidate that parts are four times yes", "[diagnose]") {
  const Diagnosis diagnosis = sample();
  for (size_t i = 0; i < 4; ++i) CHECK(answer(diagnosis, i) == Answer::yes);
  CHECK(headline_of(diagnosis) == "From token 7, as soon as the prompt's codes are read: layer 3 keys; exempting that side recovers 96 %. "
                                  "Cause: precision. Cheapest cure that was tried: int8 (+3.0 % bytes).");
}

TEST_CASE("questions: a reference that is gibberish is not healed by switching the cache off", "[diagnose]") {
  Diagnosis diagnosis = sample();
  diagnosis.lanes[0].gibberish = "loop";
  diagnosis.lanes[0].gibberish_onset = 12;
  CHECK(answer(diagnosis, 0) == Answer::no);
  CHECK(four_questions(diagnosis)[0].evidence.find("model files") != std::string::npos);
}

TEST_CASE("questions: an operation that corrupts the cache is named", "[diagnose]") {
  Diagnosis diagnosis = sample();
  diagnosis.handling[1] = {"crop", false, "layer 2, values differ"};
  CHECK(answer(diagnosis, 1) == Answer::no);
  CHECK(four_questions(diagnosis)[1].evidence == "crop: layer 2, values differ.");
  diagnosis.handling.clear();
  CHECK(answer(diagnosis, 1) == Answer::undecided);
}

TEST_CASE("questions: a gentler format is stable only where it is far closer and no gibberish", "[diagnose]") {
  Diagnosis diagnosis = sample();
  diagnosis.lanes[2].kld_mean = 1;
  CHECK(answer(diagnosis, 2) == Answer::no);
  diagnosis.lanes[2].kld_mean = 0.5;
  CHECK(answer(diagnosis, 2) == Answer::yes);
  diagnosis.lanes[2].gibberish_onset = 3;
  CHECK(answer(diagnosis, 2) == Answer::no);
  diagnosis.lanes.pop_back();
  CHECK(answer(diagnosis, 2) == Answer::undecided);
}

TEST_CASE("causes: precision needs more bits to heal, and no other layout to do as well", "[diagnose]") {
  Diagnosis diagnosis = sample();
  diagnosis.remedies.push_back({"the other axis", parse_cache_spec("hqq:bits=2,axis=1"), true, 0.5, 0.1, {}, 100, false, false});
  const CauseFinding cause = find_cause(facts(diagnosis, 0.9, 64));
  CHECK(cause.name == "precision");
  CHECK(cause.evidence.find("the other axis recovers 50 %") != std::string::npos);
  CHECK(find_cause(facts(diagnosis, 0.7, 64)).name == "unknown");
  CHECK(find_cause(facts(diagnosis, std::nullopt, 64)).name == "unknown");
  diagnosis.remedies.back().recovery = 0.85;
  CHECK(find_cause(facts(diagnosis, 0.9, 64)).name == "unknown");
}

TEST_CASE("causes: the group layout is it where the same bits, grouped otherwise, recover most", "[diagnose]") {
  Diagnosis diagnosis = sample();
  RemedyResult axis{"the other axis", parse_cache_spec("hqq:bits=4,group=64,axis=1"), true, 0.78, 0.1, {}, 100, false, false, true};
  diagnosis.remedies.push_back(axis);
  const CauseFinding cause = find_cause(facts(diagnosis, 0.99, 64));
  CHECK(cause.name == "group layout");
  CHECK(cause.evidence.find("the other axis (hqq:bits=4,group=64,axis=1) recovers 78 %") != std::string::npos);
  CHECK(cause.evidence.find("Now a scale is shared by 64 elements at equal distances") != std::string::npos);
  CHECK(cause.evidence.find("There, by runs of 64 neighbours in memory") != std::string::npos);
  for (const double little : {0.26, 0.47, 0.59}) {  // more bits are what heals
    diagnosis.remedies.back().recovery = little;
    CHECK(find_cause(facts(diagnosis, 0.99, 64)).name == "precision");
  }
  diagnosis.remedies.back().recovery = 0.7;  // most, but much less than more bits do
  CHECK(find_cause(facts(diagnosis, 0.99, 64)).name == "precision");
  CHECK(find_cause(facts(diagnosis, 0.85, 64)).name == "group layout");
  diagnosis.remedies.back().regrouped = false;  // smaller groups hold more scales: not the layout alone
  CHECK(find_cause(facts(diagnosis, 0.85, 64)).name == "precision");
}

TEST_CASE("causes: outlier channels are few, and heal when they are withheld", "[diagnose]") {
  Diagnosis diagnosis = sample();
  diagnosis.place.channel_scores = {{1, 0.1, 0.3}, {2, 0.1, 0.9}, {16, 0.2, 1.0}};
  CHECK(find_cause(facts(diagnosis, 0.9, 64)).name == "outlier channels");
  CHECK(find_cause(facts(diagnosis, 0.9, 8)).name == "precision");  // two of eight are not few
  diagnosis.place.channel_scores = {{1, 0.95, 0.1}};           // its own error, and nobody else's
  CHECK(find_cause(facts(diagnosis, 0.9, 64)).name == "precision");
}

TEST_CASE("causes: re-quantization is it where encoding from the values as given heals", "[diagnose][flush]") {
  Diagnosis diagnosis = sample();
  diagnosis.window_first = 7;
  diagnosis.window_steps = 48;
  FlushSide once{Side::key, 0, 30, 1, 1, 0, 0, 0, 0.1, 0, 0.2, 3, 0.2, 0.1}, again = once;
  again.most_times = 9;
  again.after = 0.4;
  diagnosis.flushes.lanes = {{"hqq:bits=2", true, {{0, 1, {once}, {}, {}}, {40, 41, {again}, {}, {}}, {60, 61, {again}, {}, {}}}}};
  diagnosis.flushes.cost = {0.1, 0.9, ""};
  const CauseFinding cause = find_cause(facts(diagnosis, 0.9, 64));
  CHECK(cause.name == "re-quantization");
  CHECK(cause.evidence.find("90 % of the divergence is gone") != std::string::npos);
  CHECK(cause.evidence.find("By step 40 its keys have been encoded up to 9 times, and their error is 4.0 times") != std::string::npos);
  diagnosis.flushes.cost = {0.5, 0.5, ""};
  CHECK(find_cause(facts(diagnosis, 0.9, 64)).name == "precision");
  diagnosis.flushes.cost = {{}, {}, "no token is encoded twice"};
  CHECK(find_cause(facts(diagnosis, 0.9, 64)).name == "precision");
}

TEST_CASE("causes: the residual window is it where a few exact tokens heal, and most of the others are codes", "[diagnose][flush]") {
  Diagnosis diagnosis = sample();
  diagnosis.token_ranges = {{"sinks", 0, 3, 0.2, 0.85}, {"prompt", 4, 20, 0.9, 0.9}};
  CauseFinding cause = find_cause(facts(diagnosis, 0.9, 64));
  CHECK(cause.name == "residual window");
  CHECK(cause.evidence.find("the first 4 tokens in full precision recovers 85 %") != std::string::npos);
  diagnosis.token_ranges[0].withheld = 0.5;  // the whole prompt is no window
  CHECK(find_cause(facts(diagnosis, 0.9, 64)).name == "precision");
  RemedyResult window{"a residual of 32 tokens", parse_cache_spec("hqq:bits=2,residual=32"), false, 0.9, 0.1, {}, 100, true, false, false, true, 0.7};
  diagnosis.remedies.push_back(window);
  cause = find_cause(facts(diagnosis, 0.9, 64));
  CHECK(cause.name == "residual window");
  CHECK(cause.evidence.find("70 % of the tokens held when the window ends are codes") != std::string::npos);
  diagnosis.remedies.back().coded_share = 0.2;  // hardly anything is quantized any more
  CHECK(find_cause(facts(diagnosis, 0.9, 64)).name == "precision");
}

TEST_CASE("questions: what works is what was tried", "[diagnose]") {
  Diagnosis diagnosis = sample();
  diagnosis.cure = {};
  CHECK(answer(diagnosis, 3) == Answer::no);
  diagnosis.remedies[0].recovery.reset();
  CHECK(answer(diagnosis, 3) == Answer::undecided);
  diagnosis.finding = Finding::nothing;
  CHECK(answer(diagnosis, 3) == Answer::yes);
  CHECK(answer(diagnosis, 0) == Answer::undecided);
  CHECK(four_questions(diagnosis)[0].evidence.find("the text parts at token 7, but by no more than rounding does") != std::string::npos);
  diagnosis.lanes[1].parts_at.reset();
  CHECK(four_questions(diagnosis)[0].evidence.find("the text is the reference's") != std::string::npos);
}

TEST_CASE("questions: the place says where the first tokens are most of it, and who is needed for it", "[diagnose]") {
  Diagnosis diagnosis = sample();
  diagnosis.tokens.scores = {{"the first token", {0, 0}, 0.3, {}}, {"the first 4 tokens", {0, 3}, 0.7, {}}, {"the prompt", {0, 30}, 0.9, {}}};
  CHECK(headline_of(diagnosis).find("exempting that side recovers 96 %; exempting nothing but the first 4 tokens, there, recovers 70 %.") != std::string::npos);
  diagnosis.tokens.scores[1].recovery = 0.4;
  CHECK(headline_of(diagnosis).find("nothing but") == std::string::npos);
  diagnosis.company.pair = PairFinding{PairKind::only_together, {3, Side::key, -1}, {1, Side::value, -1}, {}, {}, {}, {}, {}, 0.9};
  CHECK(headline_of(diagnosis).find("layer 3 keys, but only together with layer 1 values; exempting that side recovers 96 %") != std::string::npos);
}
