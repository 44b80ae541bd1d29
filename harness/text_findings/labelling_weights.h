#pragma once
#include <string>
#include <vector>

namespace kvdiff {

// What a feature of a token (labelling_features.h) adds to the log-odds of a state against `sound` there.
struct TokenWeight {
  std::string feature;
  double salad = 0, stuck = 0;
};

// What a feature of a place adds to the log-odds that a state begins there.
struct StartWeight {
  std::string feature;
  double salad = 0, stuck = 0;     // behind sound text
  double stuck_behind_salad = 0;
};

struct LabellingWeights {
  std::vector<TokenWeight> token;  // in the order of the features
  std::vector<StartWeight> start;
  double sound_behind_salad = 0, sound_behind_stuck = 0, salad_behind_stuck = 0;
};

// Fitted to the labelled texts: ./x gibberish --fit prints them.
const LabellingWeights& labelling_weights();

}  // namespace kvdiff
