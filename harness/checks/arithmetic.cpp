#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/checks/groups.h"

// Whether the numbers of the reference itself can be trusted.
namespace kvdiff {
namespace {

constexpr double largest_float16 = 65504;

CheckResult weights_fit(const CheckInput& input) {
  if (input.model.config->dtype != Dtype::float16) return not_applicable("the checkpoint is not of float16");
  const TensorFigures* largest = nullptr;
  for (const TensorFigures& one : input.model.figures)
    if (!largest || one.largest() > largest->largest()) largest = &one;
  if (!largest) return not_applicable("there are no weights");
  const std::string text = fmt::format("a largest weight of {:.4g} ({})", largest->largest(), largest->name);
  if (largest->largest() <= largest_float16) return passed(text);
  return failed(text, "at most 65504, the largest float16", "run with --dtype float32, or bfloat16");
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double one) { return std::isfinite(one); });
}

CheckResult finite(const CheckInput& input) {
  const ReferenceFacts& facts = *input.reference;
  if (facts.losses.empty()) return not_applicable("the model was not run on a text");
  const auto wrong = std::find_if(facts.largest.begin(), facts.largest.end(), [](double one) { return !std::isfinite(one); });
  const std::string advice = fmt::format("run with --dtype {}; if it stays, the weights are at fault", facts.dtype == Dtype::float16 ? "bfloat16 or float32" : "float32");
  if (wrong != facts.largest.end())
    return failed(fmt::format("hidden states that are not finite after layer {}, in {}", wrong - facts.largest.begin(), name_of(facts.dtype)),
                  "finite hidden states", advice);
  if (!all_finite(facts.losses)) return failed(fmt::format("logits that are not finite, in {}", name_of(facts.dtype)), "finite logits", advice);
  return passed(fmt::format("hidden states and logits of {} tokens are finite in {}", facts.losses.size() + 1, name_of(facts.dtype)));
}

CheckResult headroom(const CheckInput& input) {
  constexpr double most = 0.9;
  const ReferenceFacts& facts = *input.reference;
  if (facts.dtype != Dtype::float16) return not_applicable(fmt::format("{} does not overflow here", name_of(facts.dtype)));
  if (facts.largest.empty() || !all_finite(facts.largest)) return not_applicable("see arithmetic.finite");
  const auto largest = std::max_element(facts.largest.begin(), facts.largest.end());
  const std::string text = fmt::format("a largest hidden state of {:.0f} after layer {}, {:.0f} % of the largest float16", *largest,
                                       largest - facts.largest.begin(), 100 * *largest / largest_float16);
  if (*largest <= most * largest_float16) return passed(text);
  return failed(text, "at most 90 %", "run with --dtype bfloat16 or float32: another text may overflow");
}

// Rounding errors of a sound run are small beside what tells one token from another.
CheckResult oracle(const CheckInput& input) {
  constexpr double most = 0.5;
  const ReferenceFacts& facts = *input.reference;
  if (facts.oracle.empty()) return not_applicable("not measured: it is done where the reference goes wrong and the program has the float64 oracle");
  std::vector<double> shares;
  for (size_t i = 0; i < facts.oracle.size(); ++i) shares.push_back(facts.oracle[i] / facts.deviation[i]);
  if (!all_finite(shares))
    return failed(fmt::format("logits in {} that cannot be compared with those in float64", name_of(facts.dtype)), "finite logits", "see arithmetic.finite");
  std::nth_element(shares.begin(), shares.begin() + static_cast<std::ptrdiff_t>(shares.size() / 2), shares.end());
  const double middle = shares[shares.size() / 2];
  const std::string text = fmt::format("logits in {} differ from float64 by {:.3f} of their standard deviation (largest difference of a token, median of {} tokens)",
                                       name_of(facts.dtype), middle, shares.size());
  if (middle <= most) return passed(text);
  return failed(text, fmt::format("at most {}", most), "run with --dtype float32: this type rounds too much for this model");
}

constexpr CheckRow rows[] = {
    {"arithmetic.weights", "weights that a float16 cannot hold", "values that overflow when they are multiplied", needs_config | needs_weights, weights_fit},
    {"arithmetic.finite", "the reference's own hidden states or logits are not finite", "an overflow that another text would make", needs_reference, finite},
    {"arithmetic.headroom", "hidden states close to what float16 can hold", "overflow inside a layer that is finite again after it", needs_reference, headroom},
    {"arithmetic.oracle", "logits far from those of the same model in float64", "an error that both make: weights, RoPE tables and configuration are shared",
     needs_reference, oracle},
};

}  // namespace

std::span<const CheckRow> arithmetic_checks() { return rows; }

}  // namespace kvdiff
