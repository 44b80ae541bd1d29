#include "cache_backends/codecs/hqq.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cache_backends/aten/hqq_aten.h"
#include "cache_backends/codecs/error_bounds.h"
#include "cache_backends/codecs/hqq_options.h"
#include "cache_backends/codecs/hqq_packing.h"
#include "cache_backends/codecs/spec_values.h"
#include "cache_backends/device/hqq_codec.h"
#include "cache_backends/error.h"

namespace kvdiff {
namespace {

using Variant = HqqVariant;
using Options = HqqOptions;

constexpr float infinite = std::numeric_limits<float>::infinity();
constexpr Variant variants[] = {
    {"on", true, true, false, infinite},         // 0.2.7 to 0.2.8.post1, which transformers leaves at its default
    {"off", false, true, false, infinite},       // the same with optimize=False
    {"0.2.6", true, false, true, 1e4f},          // up to 0.2.6 with optimize=True
    {"0.2.8", true, true, false, infinite},      // `on`, pinned
    {"main", true, true, true, infinite},        // dropbox/hqq since 32fc349
    {"off-0.2.6", false, false, false, infinite} // up to 0.2.6 as transformers called it: optimize defaulted to False
};

float round_half(float value) { return round_to(Dtype::float16, value); }

// Scale (codes per unit) and zero of min-max quantization. The reciprocal comes first: Python's `max_v / tensor` is
// `tensor.reciprocal() * max_v`.
struct Affine {
  std::vector<float> smallest, largest, scale, zero;
};
Affine min_max(const HqqMatrix& matrix, const Options& options, const HqqKernels& kernels) {
  const size_t groups = static_cast<size_t>(matrix.groups());
  const std::vector<float> none(groups);
  Affine affine = {none, none, none, none};
  if (groups > 0) kernels.ranges(matrix, affine.smallest.data(), affine.largest.data());
  const float steps = options.largest_code();
  for (size_t i = 0; i < groups; ++i) {
    const float range = affine.largest[i] - affine.smallest[i];
    float scale = (1.0f / range) * steps;
    if (options.variant.guards && std::fabs(range) <= 1e-4f) scale = 1.0f;
    if (scale > 2e4f) scale = 2e4f;
    affine.scale[i] = scale;
    affine.zero[i] = -affine.smallest[i] * scale;
  }
  return affine;
}

// Improves the zeros in place.
void solve(const HqqMatrix& matrix, const Options& options, const HqqKernels& kernels, Affine& affine) {
  std::vector<float> scratch(static_cast<size_t>(hqq_scratch_size(matrix)));
  std::vector<float> rounded;
  HqqMatrix input = matrix;
  if (options.half) {
    rounded.assign(matrix.values, matrix.values + matrix.elements());
    for (auto* numbers : {&rounded, &affine.scale, &affine.zero})
      std::transform(numbers->begin(), numbers->end(), numbers->begin(), round_half);
    input.values = rounded.data();
  }
  float best = options.variant.first_error;
  take_hqq_turns(options.variant, [&](float weight, float negligible) {
    const float error = kernels.solve(input, {affine.scale.data(), affine.zero.data(), options.largest_code(), weight, negligible,
                                              options.half, scratch.data()});
    const bool better = error < best;
    if (better) best = error;
    return better;
  });
}

class HqqCodec : public Codec {
 public:
  explicit HqqCodec(const Options& options) : options_(options) {}

  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  EncodedBlock encode_aten(std::span<const float> values, const BlockShape& shape, Dtype dtype) const;
  void decode(const EncodedView& block, int64_t first, std::span<float> out) const override;
  std::vector<int32_t> codes(const EncodedView& block) const override {
    const auto narrow = unpack(packing_of(block.shape), block.packed);
    return {narrow.begin(), narrow.end()};
  }
  Bytes bytes(const EncodedView& block) const override {
    const int64_t width = static_cast<int64_t>(size_of(block.dtype));
    return {static_cast<int64_t>(block.packed.size()), width * static_cast<int64_t>(block.scale.size()),
            width * static_cast<int64_t>(block.zero.size()), 0};
  }
  Bytes expected_bytes(const BlockShape& shape, Dtype dtype) const override;
  std::shared_ptr<const device::DeviceCodec> on_device() const override { return device::make_hqq_codec(options_); }
  int64_t levels() const override { return int64_t{1} << options_.bits; }
  double error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override;
  PeerVerdict peer_verdict(const BlockShape& shape) const override {
    return hqq_verdict(shape, options_.bits, options_.group, options_.axis);
  }

 private:
  HqqPacking packing_of(const BlockShape& shape) const {
    const HqqMatrix matrix = hqq_matrix(nullptr, shape.elements(), options_);
    return {matrix.rows, matrix.columns, options_.bits};
  }

  Options options_;
};

EncodedBlock HqqCodec::encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  require_whole_hqq_groups(shape, options_.group);
  if (options_.aten) return encode_aten(values, shape, dtype);
  const HqqKernels& kernels = hqq_kernels(active_simd());
  const HqqMatrix matrix = hqq_matrix(values.data(), shape.elements(), options_);
  Affine affine = min_max(matrix, options_, kernels);
  if (options_.variant.solves) solve(matrix, options_, kernels, affine);

  std::vector<uint8_t> codes(values.size());
  kernels.quantize(matrix, {affine.scale.data(), affine.zero.data(), options_.largest_code()}, codes.data());
  for (float& scale : affine.scale) {
    scale = 1.0f / scale;
    if (options_.solves_in_half()) scale = round_half(scale);
    scale = stored(dtype, scale);
  }
  for (float& zero : affine.zero) zero = stored(dtype, zero);
  return {shape, dtype, pack(packing_of(shape), codes), std::move(affine.scale), std::move(affine.zero)};
}

EncodedBlock HqqCodec::encode_aten(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  const Variant& variant = options_.variant;
  HqqAtenResult result = hqq_encode_aten({.values = values, .bits = options_.bits, .axis = options_.axis,
                                          .group = options_.group, .solves = variant.solves, .guards = variant.guards,
                                          .grows = variant.grows, .half = options_.half,
                                          .first_error = variant.first_error});
  for (auto* numbers : {&result.scale, &result.zero})
    for (float& number : *numbers) number = stored(dtype, number);
  return {shape, dtype, pack(packing_of(shape), result.codes), std::move(result.scale), std::move(result.zero)};
}

void HqqCodec::decode(const EncodedView& block, int64_t first, std::span<float> out) const {
  const HqqPacking packing = packing_of(block.shape);
  const HqqPacked packed = {block.packed.data(),     packing.chunk(),   packing.bits,  packing.codes_per_word(),
                            block.scale.data(),      block.zero.data(), packing.columns, options_.axis,
                            block.dtype};
  hqq_kernels(active_simd()).decode(packed, first, static_cast<int64_t>(out.size()), out.data());
}

double HqqCodec::error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  require_whole_hqq_groups(shape, options_.group);
  const HqqKernels& kernels = hqq_kernels(active_simd());
  const HqqMatrix matrix = hqq_matrix(values.data(), shape.elements(), options_);
  const Affine affine = min_max(matrix, options_, kernels);
  double bound = 0;
  for (size_t i = 0; i < affine.scale.size(); ++i)
    bound = std::max(bound, bounds::of_hqq({affine.smallest[i], affine.largest[i], affine.scale[i], double(levels() - 1),
                                            options_.largest_shift(), options_.solves_in_half()}, dtype));
  return bound;
}

Bytes HqqCodec::expected_bytes(const BlockShape& shape, Dtype dtype) const {
  const int64_t parameters = shape.elements() / options_.group * static_cast<int64_t>(size_of(dtype));
  const int64_t codes_per_word = options_.bits == 3 ? 10 : 8 / options_.bits;
  const int64_t groups = shape.elements() / options_.group;
  const int64_t rows = options_.axis == 1 ? groups : options_.group;
  const int64_t columns = options_.axis == 1 ? options_.group : groups;
  const int64_t words = (rows + codes_per_word - 1) / codes_per_word * columns;
  return {words * (options_.bits == 3 ? 4 : 1), parameters, parameters, 0};
}

}  // namespace

void require_whole_hqq_groups(const BlockShape& shape, int64_t group) {
  if (shape.elements() % group == 0) return;
  throw UserError(ExitCode::usage,
                  fmt::format("hqq: a block [{}, {}, {}, {}] has {} values, which groups of {} do not divide (hqq asserts "
                              "the same): choose a group that divides heads x head size, {}",
                              shape.batch, shape.heads, shape.tokens, shape.head_size, shape.elements(), group,
                              shape.heads * shape.head_size));
}

std::vector<SpecKey> hqq_keys() {
  return {
      {"bits", "4", "bits per code", {"1", "2", "3", "4", "8"}},
      {"group", "64", "values that share a scale and a zero", {}},
      {"axis", "0", "0: groups are strided over the whole tensor; 1: runs of neighbours in memory", {"0", "1"}},
      {"solver", "on",
       "the half-quadratic solver: on is hqq 0.2.8's; 0.2.6, 0.2.8 and main name a release; off-0.2.6 is what "
       "transformers ran with hqq up to 0.2.6",
       {"on", "off", "0.2.6", "0.2.8", "main", "off-0.2.6"}},
      {"solver_dtype", "float32", "float32: the peer's solver on a CPU; float16: on a GPU", {"float32", "float16"}},
      {"arithmetic", "portable",
       "portable: the same bits on every machine; torch: ATen's operations in the peer's order, bit-equal to hqq with the "
       "same torch on one thread, and not reproducible elsewhere",
       {"portable", "torch"}},
  };
}

std::unique_ptr<Codec> make_hqq(const SideSpec& spec, Side) {
  const auto keys = hqq_keys();
  Options options;
  options.bits = static_cast<int>(integer_value(spec, keys, "bits"));
  options.group = integer_value(spec, keys, "group");
  options.axis = static_cast<int>(integer_value(spec, keys, "axis"));
  options.half = choice_value(spec, keys, "solver_dtype") == "float16";
  options.aten = choice_value(spec, keys, "arithmetic") == "torch";
  const std::string solver = choice_value(spec, keys, "solver");
  options.variant = *std::find_if(std::begin(variants), std::end(variants),
                                  [&](const Variant& variant) { return variant.name == solver; });
  return std::make_unique<HqqCodec>(options);
}

}  // namespace kvdiff
