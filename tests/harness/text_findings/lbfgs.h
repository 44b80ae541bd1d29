#pragma once
#include <functional>
#include <vector>

namespace kvdiff::test {

// Writes the gradient, and returns the value.
using Objective = std::function<double(const std::vector<double>& place, std::vector<double>& gradient)>;

// Smallest value of a smooth function, from `place` on: L-BFGS (Liu and Nocedal, 1989) with the last ten steps and halving line
// search; ends early where a step brings less than 1e-6.
std::vector<double> minimized(const Objective& objective, std::vector<double> place, int steps);

}  // namespace kvdiff::test
