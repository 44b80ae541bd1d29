#pragma once
#include <limits>
#include <string_view>

#include "cache_backends/codec.h"
#include "cache_backends/kernels/hqq.h"

// What the host's HQQ and the device's have in common beyond formulas.
namespace kvdiff {

constexpr int hqq_turns = 20;  // of the solver, at most
constexpr double hqq_kappa = 1.01;

// The peer's releases, by what they do differently.
struct HqqVariant {
  std::string_view name;
  bool solves, guards, grows;  // guards: a range up to 1e-4 gets scale 1; grows: beta *= kappa at every turn
  float first_error;           // what the first turn's mean error has to beat
};

struct HqqOptions {
  int bits = 4, axis = 0;
  int64_t group = 64;
  HqqVariant variant;
  bool half = false, aten = false;  // half: the solver's operations round to float16
  float largest_code() const { return static_cast<float>((1 << bits) - 1); }
  bool solves_in_half() const { return variant.solves && half; }
  // By how much the turns can move a zero, in value: each by the mean of a shrunk error, at most (1 / beta)^(1 / 1.3).
  double largest_shift() const { return variant.solves ? hqq_turns * 0.171 : 0.0; }
};

inline HqqMatrix hqq_matrix(const float* values, int64_t elements, const HqqOptions& options) {
  const int64_t groups = elements / options.group;
  if (options.axis == 1) return {values, groups, options.group, 1};
  return {values, options.group, groups, 0};
}

// Throws UserError(usage) where the group does not divide the block.
void require_whole_hqq_groups(const BlockShape& shape, int64_t group);

// The solver's turns, as optimize_weights_proximal_legacy has them: it stops when the mean error of the whole tensor no longer
// falls, and then keeps the zeros that came out of the failing turn.
//   turn(weight, negligible): improves the zeros (HqqStep), and says whether the mean error under those that it found was smaller
//   than in every turn before
template <typename Turn>
void take_hqq_turns(const HqqVariant& variant, Turn&& turn) {
  double beta = 10.0;
  for (int i = 0; i < hqq_turns; ++i) {
    if (!turn(static_cast<float>(1.0 / beta), negligible_error(1.0 / beta))) return;
    if (variant.grows) beta *= hqq_kappa;
  }
}

}  // namespace kvdiff
