#pragma once
#include <string>
#include <vector>

#include "scenarios/json_text.h"
#include "scenarios/scenario.h"

namespace kvdiff {

// One combination of a matrix: a spec's text, and why its codec does not offer it (empty where it does).
struct Combination {
  std::string text, reason;
};

// An axis that a codec has no key for (bits, for int8) does not apply to it: the combinations that become equal are
// merged by the plan. Throws UserError(usage) for an axis that no codec of the matrix has, and beyond 10,000.
std::vector<Combination> combinations(const Matrix& matrix);

Matrix matrix_at(const JsonAt& json);
Json to_json(const Matrix& matrix);

}  // namespace kvdiff
