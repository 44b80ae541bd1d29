#include "tests/harness/text_findings/lbfgs.h"

#include <cmath>
#include <deque>
#include <numeric>

namespace kvdiff::test {
namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

Vector plus(const Vector& a, double times, const Vector& b) {
  Vector sum = a;
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += times * b[i];
  return sum;
}

struct Step {
  Vector moved, turned;  // of the place, of the gradient
  double inverse;        // 1 / (moved * turned)
};

struct Point {
  Vector place, gradient;
  double value = 0;
};

// The gradient times what the last steps tell of the inverse Hessian.
Vector direction(const std::deque<Step>& steps, const Vector& gradient) {
  Vector q = gradient;
  Vector shares(steps.size());
  for (size_t i = steps.size(); i-- > 0;) {
    shares[i] = steps[i].inverse * dot(steps[i].moved, q);
    q = plus(q, -shares[i], steps[i].turned);
  }
  const double scale = steps.empty() ? 1 / std::max(1.0, std::sqrt(dot(gradient, gradient)))
                                     : 1 / (steps.back().inverse * dot(steps.back().turned, steps.back().turned));
  for (double& one : q) one *= scale;
  for (size_t i = 0; i < steps.size(); ++i) q = plus(q, shares[i] - steps[i].inverse * dot(steps[i].turned, q), steps[i].moved);
  return q;
}

// Half the step until it brings enough.
Point searched(const Objective& objective, const Point& from, const Vector& down) {
  constexpr int halvings = 20;
  constexpr double enough = 1e-4;
  const double slope = dot(from.gradient, down);
  Point to;
  double length = 1;
  for (int i = 0; i < halvings; ++i, length /= 2) {
    to.place = plus(from.place, -length, down);
    to.value = objective(to.place, to.gradient);
    if (to.value <= from.value - enough * length * slope) break;
  }
  return to;
}

}  // namespace

std::vector<double> minimized(const Objective& objective, std::vector<double> place, int steps) {
  constexpr size_t remembered = 10;
  Point at{std::move(place), {}, 0};
  at.value = objective(at.place, at.gradient);
  std::deque<Step> last;
  for (int i = 0; i < steps; ++i) {
    Point next = searched(objective, at, direction(last, at.gradient));
    Step step{plus(next.place, -1, at.place), plus(next.gradient, -1, at.gradient), 0};
    const double curvature = dot(step.moved, step.turned);
    step.inverse = 1 / curvature;
    if (curvature > 1e-12) last.push_back(std::move(step));
    if (last.size() > remembered) last.pop_front();
    const bool done = at.value - next.value < 1e-6;
    at = std::move(next);
    if (done) break;
  }
  return at.place;
}

}  // namespace kvdiff::test
