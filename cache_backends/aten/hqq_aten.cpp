#include "cache_backends/aten/hqq_aten.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <atomic>

namespace kvdiff {
namespace {

using at::Tensor;

constexpr double lp_norm = 0.7, kappa = 1.01;
constexpr int turns = 20;
std::atomic<int> aten_threads = 1;

struct Affine {
  Tensor scale, zero;
};

// Python's `number / tensor` is reciprocal, then a product.
Tensor divided(double number, const Tensor& by) { return by.reciprocal() * number; }

Affine min_max(const Tensor& matrix, const HqqAtenRequest& request, double largest) {
  const Tensor smallest = std::get<0>(matrix.min(request.axis, true));
  const Tensor range = std::get<0>(matrix.max(request.axis, true)) - smallest;
  Tensor scale = divided(largest, range);
  if (request.guards) scale = at::where(range.abs() <= 1e-4, at::full_like(scale, 1.0), scale);
  scale = scale.clamp_max(2e4);
  return {scale, -smallest * scale};
}

Tensor shrunk(const Tensor& error, double beta) {
  Tensor out = error.abs();
  out.sub_(out.pow(lp_norm - 1) * (1.0 / beta)).clamp_min_(0.0);
  return out.mul_(error.sign());
}

void solve(const Tensor& matrix, const HqqAtenRequest& request, double largest, Affine& affine) {
  const auto type = request.half ? at::kHalf : at::kFloat;
  const Tensor values = matrix.to(type);
  affine = {affine.scale.to(type), affine.zero.to(type)};
  double beta = 10.0;
  float best = request.first_error;
  for (int turn = 0; turn < turns; ++turn) {
    const Tensor codes = (values * affine.scale + affine.zero).round().clamp_(0, largest);
    const Tensor decoded = (codes - affine.zero) / affine.scale;
    const Tensor error = shrunk(values - decoded, beta);
    affine.zero = at::mean(codes - (values - error) * affine.scale, {request.axis}, true);
    const float distance = (values - decoded).abs().mean().to(at::kFloat).item<float>();
    if (!(distance < best)) return;
    best = distance;
    if (request.grows) beta *= kappa;
  }
}

std::vector<float> floats_of(const Tensor& tensor) {
  const Tensor flat = tensor.to(at::kFloat).contiguous().view({-1});
  return {flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()};
}

}  // namespace

void set_aten_threads(int threads) { aten_threads = threads; }

HqqAtenResult hqq_encode_aten(const HqqAtenRequest& request) {
  if (at::get_num_threads() != aten_threads) at::set_num_threads(aten_threads);  // a setting of the calling thread's
  const c10::InferenceMode no_gradients;
  const auto count = static_cast<int64_t>(request.values.size());
  const Tensor flat = at::from_blob(const_cast<float*>(request.values.data()), {count}, at::kFloat);
  const Tensor matrix = request.axis == 1 ? flat.reshape({-1, request.group}) : flat.reshape({request.group, -1});
  const double largest = (1 << request.bits) - 1;
  Affine affine = min_max(matrix, request, largest);
  if (request.solves) solve(matrix, request, largest, affine);
  const Tensor codes = (matrix * affine.scale + affine.zero).round_().clamp_(0, largest).nan_to_num_(0.0);
  const Tensor bytes = codes.to(at::kByte).contiguous();
  return {{bytes.const_data_ptr<uint8_t>(), bytes.const_data_ptr<uint8_t>() + count},
          floats_of(divided(1.0, affine.scale)), floats_of(affine.zero)};
}

}  // namespace kvdiff
