#include "harness/text_findings/labelling.h"

#include <fmt/format.h>
#include <limits>
#include <sstream>

#include "cache_backends/error.h"
#include "harness/text_findings/columns.h"
#include "tests/catch.h"

using namespace kvdiff;

namespace {

struct Dice {
  uint32_t state = 7;
  double operator()() {
    state = state * 1664525u + 1013904223u;
    return static_cast<double>(state >> 8) / (1 << 24) * 4 - 2;
  }
};

LabellingFeatures random_features(size_t tokens, Dice& dice) {
  LabellingFeatures features;
  for (const char* name : {"a", "b"}) {
    features.token.add(name, column(tokens, [&](size_t) { return dice(); }));
    features.start.add(name, column(tokens, [&](size_t) { return dice(); }));
  }
  return features;
}

LabellingWeights random_weights(Dice& dice) {
  LabellingWeights weights;
  for (const char* name : {"a", "b"}) {
    weights.token.push_back({name, dice(), dice()});
    weights.start.push_back({name, dice(), dice(), dice()});
  }
  weights.sound_behind_salad = dice(), weights.sound_behind_stuck = dice(), weights.salad_behind_stuck = dice();
  return weights;
}

// Log-odds of one sequence, by the definition; 2: what the decoder adds where text gets stuck.
double score_of(const std::vector<int>& path, const LabellingFeatures& features, const LabellingWeights& weights) {
  double score = 0;
  int before = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    const int now = path[i];
    for (size_t j = 0; j < 2; ++j) {
      const StartWeight& start = weights.start[j];
      score += (now == 1 ? weights.token[j].salad : now == 2 ? weights.token[j].stuck : 0) * features.token.columns[j][i];
      score += (before == 0 && now == 1 ? start.salad : before == 0 && now == 2 ? start.stuck : before == 1 && now == 2 ? start.stuck_behind_salad : 0) *
               features.start.columns[j][i];
    }
    score += before == 0 && now == 2 ? 2 : before == 1 && now == 0 ? weights.sound_behind_salad : 0;
    score += before == 2 && now == 0 ? weights.sound_behind_stuck : before == 2 && now == 1 ? weights.salad_behind_stuck : 0;
    before = now;
  }
  return score;
}

std::vector<int> path_of(const std::vector<LabelledStretch>& stretches, size_t tokens) {
  std::vector<int> path(tokens, 0);
  for (const LabelledStretch& one : stretches) std::fill(path.begin() + one.first, path.begin() + one.end, static_cast<int>(one.state));
  return path;
}

struct Scored {
  std::vector<int32_t> tokens;
  std::vector<std::string> pieces;
  std::vector<double> nll;
  GeneratedText generated() const { return {tokens, pieces, false, nll}; }
  void add(const std::string& piece, int32_t id, double one) { pieces.push_back(piece), tokens.push_back(id), nll.push_back(one); }
};

// Words of up to four letters are everyday ones to the reference, and it foresees them better than others, and stops well.
void add_words(Scored& text, const std::string& words, double everyday, double rarer, double stop) {
  std::istringstream stream(words);
  for (std::string word; stream >> word;) {
    const bool stops = word.ends_with('.');
    if (stops) word.pop_back();
    int32_t id = static_cast<int32_t>(word.size());
    for (const char c : word) id = (id * 31 + c) % 30000;
    if (word.size() <= 4) text.add(" " + word, 20 + id % 1400, everyday);
    else text.add(" " + word, 1500 + id, rarer);
    if (stops) text.add(".", 15, stop);
  }
}

Scored sound_text() {
  Scored text;
  add_words(text,
            "The lighthouse stood on a rock two miles from the shore and nobody had lived in it since the old keeper died. In autumn "
            "when the fog came down from the hills and lay upon the water for days the fishermen steered by the sound of the bell that "
            "hung in its gallery though none of them could have said who rang it.",
            1, 4, 0.5);
  return text;
}

}  // namespace

TEST_CASE("the labels are the likeliest sequence of all", "[text_findings][labelling]") {
  constexpr size_t tokens = 6;
  for (uint32_t seed = 0; seed < 50; ++seed) {
    Dice dice{seed};
    const LabellingFeatures features = random_features(tokens, dice);
    const LabellingWeights weights = random_weights(dice);
    double best = -std::numeric_limits<double>::infinity();
    for (int number = 0; number < 729; ++number) {
      std::vector<int> path;
      for (int rest = number; path.size() < tokens; rest /= 3) path.push_back(rest % 3);
      best = std::max(best, score_of(path, features, weights));
    }
    const double found = score_of(path_of(labelled_stretches(features, weights), tokens), features, weights);
    CHECK(found == Approx(best).margin(1e-12));
  }
}

TEST_CASE("each weight is that of its feature", "[text_findings][labelling]") {
  const LabellingFeatures features = labelling_features(sound_text().generated(), {});
  const LabellingWeights& weights = labelling_weights();
  REQUIRE(features.token.names.size() == weights.token.size());
  REQUIRE(features.start.names.size() == weights.start.size());
  for (size_t j = 0; j < weights.token.size(); ++j) CHECK(features.token.names[j] == weights.token[j].feature);
  for (size_t j = 0; j < weights.start.size(); ++j) CHECK(features.start.names[j] == weights.start[j].feature);
  CHECK_THROWS_AS(labelled_stretches(features, LabellingWeights{}), InternalError);
}

TEST_CASE("means over windows are of the tokens that there are", "[text_findings][labelling]") {
  const Column values = {1, 2, 3, 4};
  CHECK(window_mean(values, -1, 2) == Column{1.5, 2, 3, 3.5});
  CHECK(window_mean(values, -2, 0) == Column{0, 1, 1.5, 2.5});
  CHECK(tail_mean(values) == Column{2.5, 3, 3.5, 4});
}

TEST_CASE("words that make no phrases, behind text that the reference followed", "[text_findings][labelling]") {
  Scored text = sound_text();
  CHECK(find_gibberish(text.generated()).kind == GibberishKind::none);
  const auto start = static_cast<int64_t>(text.tokens.size());
  add_words(text,
            "copper elsewhere if seventeen of mattress green ago violin the the parliament sideways of hunger but ladder monthly at "
            "spoon theory into into barley. seldom Argentina up velvet so which fractions. kitchen it whale under decide orange by "
            "legal pillow down winter thumb than. mercury is apron bitter as engine who cathedral pencil or salmon from",
            7, 10, 8);
  const GibberishFinding found = find_gibberish(text.generated());
  INFO(found.onset << " for " << start);
  CHECK(found.kind == GibberishKind::word_salad);
  CHECK(std::abs(found.onset - start) <= 8);
  CHECK(found.evidence.find("nats a token") != std::string::npos);
}

TEST_CASE("repetition in a scored text is found by its labels, in another one by its rate of news", "[text_findings][labelling]") {
  Scored text = sound_text();
  const auto start = static_cast<int64_t>(text.tokens.size());
  const char* phrases[] = {"The lamp in the tower was lit again.", "And the sea was very dark that night.", "So the men were rowing to the shore."};
  for (const int phrase : {0, 1, 2, 0, 2, 1, 1, 0, 2, 2, 0, 1, 0, 2, 1, 2, 0, 1, 1, 2, 0, 0, 2, 1}) add_words(text, phrases[phrase], 0.4, 0.4, 0.1);
  const GibberishFinding found = find_gibberish(text.generated());
  INFO(found.onset << " for " << start);
  CHECK(found.kind == GibberishKind::repetition);
  CHECK(found.onset >= start);
  CHECK(found.onset <= start + 40);  // the first hearing of each phrase is no repetition
  const std::vector<LabelledStretch> labelled = labelled_stretches(labelling_features(text.generated(), {}), labelling_weights());
  REQUIRE_FALSE(labelled.empty());
  CHECK(labelled[0].state == TextState::stuck);
  CHECK(std::abs(labelled[0].first - found.onset) <= 8);  // where the tail begins to say nothing new, near to the labels
  text.nll.back() = std::numeric_limits<double>::infinity();  // not scored, then
  CHECK(find_gibberish(text.generated()).kind == GibberishKind::repetition);
  text.nll.clear();
  CHECK(find_gibberish(text.generated()).kind == GibberishKind::repetition);
}
