#pragma once
#include <array>
#include <vector>

#include "harness/text_findings/columns.h"

namespace kvdiff::test {

// A text to be fitted to: features[feature][token], standardized, and the states that each token may be in.
struct Chain {
  std::vector<Column> token, start;
  std::vector<std::array<bool, 3>> allowed;
};

// Where each weight stands among the parameters; states: 1 salad, 2 stuck.
struct ParameterPlaces {
  size_t token, start;  // features
  size_t of_token(size_t state, size_t feature) const { return (state - 1) * token + feature; }
  // Kinds: sound to salad, sound to stuck, salad to stuck.
  size_t of_start(size_t kind, size_t feature) const { return 2 * token + kind * start + feature; }
  // Kinds: salad to sound, stuck to sound, stuck to salad.
  size_t of_step(size_t kind) const { return 2 * token + 3 * start + kind; }
  size_t count() const { return 2 * token + 3 * start + 3; }
};

// -ln of the probability that the states are allowed ones, nats; adds its gradient. Forward-backward, scaled token by token.
double chain_loss(const Chain& chain, const ParameterPlaces& places, const std::vector<double>& parameters, std::vector<double>& gradient);

}  // namespace kvdiff::test
