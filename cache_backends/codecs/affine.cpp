#include "cache_backends/codecs/affine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "cache_backends/codecs/error_bounds.h"
#include "cache_backends/codecs/spec_values.h"
#include "cache_backends/device/affine_codec.h"

namespace kvdiff {
namespace {

constexpr int64_t longest_run = 256;  // values in a buffer on the stack

// As torch's min and max: NaN wins, the first of two zeros wins.
float smaller(float best, float value) { return std::isnan(best) || value >= best ? best : value; }
float larger(float best, float value) { return std::isnan(best) || value <= best ? best : value; }

// A run's scales and offsets side by side, as the kernels want them.
class Gathered {
 public:
  AffineStep step(const float* scale, const float* offset, int64_t stride, int64_t count, float largest, Dtype dtype) {
    if (stride <= 1) return {scale, offset, stride == 1, largest, dtype};
    for (int64_t i = 0; i < count; ++i) scales_[static_cast<size_t>(i)] = scale[i * stride];
    for (int64_t i = 0; i < count; ++i) offsets_[static_cast<size_t>(i)] = offset[i * stride];
    return {scales_.data(), offsets_.data(), true, largest, dtype};
  }

 private:
  std::array<float, longest_run> scales_, offsets_;
};

void read_codes(const std::byte* packed, int64_t bit, int64_t stride, int bits, int64_t count, uint8_t* codes) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(packed);
  const int mask = (1 << bits) - 1;
  if (stride % 8 == 0) {  // one place in every byte
    const int shift = static_cast<int>(bit % 8);
    const int64_t step = stride / 8;
    const uint8_t* first = bytes + bit / 8;
    for (int64_t i = 0; i < count; ++i) codes[i] = static_cast<uint8_t>((first[i * step] >> shift) & mask);
    return;
  }
  for (int64_t i = 0; i < count; ++i, bit += stride) codes[i] = static_cast<uint8_t>((bytes[bit / 8] >> (bit % 8)) & mask);
}

void write_codes(const uint8_t* codes, int64_t bit, int64_t stride, int64_t count, std::byte* packed) {
  for (int64_t i = 0; i < count; ++i, bit += stride) packed[bit / 8] |= static_cast<std::byte>(codes[i] << (bit % 8));
}

}  // namespace

template <typename Visit>
void AffineCodec::for_each_run(const BlockShape& shape, int64_t first, int64_t count, Visit visit) const {
  for (int64_t done = 0; done < count;) {
    Run run = run_at(shape, first + done);
    run.count = std::min({run.count, count - done, longest_run});
    visit(run, done);
    done += run.count;
  }
}

AffineCodec::Ranges AffineCodec::ranges(std::span<const float> values, const BlockShape& shape) const {
  const size_t count = static_cast<size_t>(groups(shape));
  constexpr float infinity = std::numeric_limits<float>::infinity();
  Ranges ranges = {std::vector<float>(count, infinity), std::vector<float>(count, -infinity)};
  for_each_run(shape, 0, static_cast<int64_t>(values.size()), [&](const Run& run, int64_t done) {
    for (int64_t i = 0; i < run.count; ++i) {
      const size_t group = static_cast<size_t>(run.group + i * run.group_stride);
      const float value = values[static_cast<size_t>(done + i)];
      ranges.smallest[group] = smaller(ranges.smallest[group], value);
      ranges.largest[group] = larger(ranges.largest[group], value);
    }
  });
  return ranges;
}

AffineCodec::Parameters AffineCodec::parameters(const Ranges& ranges, Dtype dtype) const {
  const float steps = static_cast<float>(levels() - 1);
  Parameters parameters = {ranges.smallest, ranges.smallest};
  for (size_t i = 0; i < parameters.scale.size(); ++i) {
    const float smallest = ranges.smallest[i];
    const float scale = stored(dtype, stored(dtype, ranges.largest[i] - smallest) / steps);
    parameters.scale[i] = scale;
    if (form_ == AffineForm::shift) parameters.offset[i] = stored(dtype, -smallest);
    if (form_ == AffineForm::zero) parameters.offset[i] = stored(dtype, -smallest / scale);
  }
  return parameters;
}

EncodedBlock AffineCodec::encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  const Dtype working = wide_ ? Dtype::float32 : dtype;
  Parameters parameters = this->parameters(ranges(values, shape), working);
  EncodedBlock block = {shape, dtype, std::vector<std::byte>(static_cast<size_t>(packed_bytes(shape))), {}, {}};
  const auto encode_run = affine_kernels(active_simd()).encode;
  const float largest = static_cast<float>(levels() - 1);
  Gathered gathered;
  std::array<uint8_t, longest_run> codes;
  for_each_run(shape, 0, static_cast<int64_t>(values.size()), [&](const Run& run, int64_t done) {
    const AffineStep step = gathered.step(parameters.scale.data() + run.group, parameters.offset.data() + run.group,
                                          run.group_stride, run.count, largest, working);
    encode_run(form_, step, values.data() + done, run.count, codes.data());
    write_codes(codes.data(), run.bit, run.bit_stride, run.count, block.packed.data());
  });
  for (auto* numbers : {&parameters.scale, &parameters.offset})
    for (float& number : *numbers) number = stored(dtype, number);
  block.scale = std::move(parameters.scale);
  block.zero = std::move(parameters.offset);
  return block;
}

void AffineCodec::decode(const EncodedView& block, int64_t first, std::span<float> out) const {
  const auto decode_run = affine_kernels(active_simd()).decode;
  const float largest = static_cast<float>(levels() - 1);
  Gathered gathered;
  std::array<uint8_t, longest_run> codes;
  for_each_run(block.shape, first, static_cast<int64_t>(out.size()), [&](const Run& run, int64_t done) {
    const AffineStep step = gathered.step(block.scale.data() + run.group, block.zero.data() + run.group,
                                          run.group_stride, run.count, largest, block.dtype);
    read_codes(block.packed.data(), run.bit, run.bit_stride, bits_, run.count, codes.data());
    decode_run(form_, step, codes.data(), run.count, out.data() + done);
  });
}

std::vector<int32_t> AffineCodec::codes(const EncodedView& block) const {
  std::vector<int32_t> all;
  all.reserve(static_cast<size_t>(block.shape.elements()));
  std::array<uint8_t, longest_run> codes;
  for_each_run(block.shape, 0, block.shape.elements(), [&](const Run& run, int64_t) {
    read_codes(block.packed.data(), run.bit, run.bit_stride, bits_, run.count, codes.data());
    all.insert(all.end(), codes.begin(), codes.begin() + run.count);
  });
  return all;
}

Bytes AffineCodec::bytes(const EncodedView& block) const {
  const int64_t width = static_cast<int64_t>(size_of(block.dtype));
  return {static_cast<int64_t>(block.packed.size()), width * static_cast<int64_t>(block.scale.size()),
          width * static_cast<int64_t>(block.zero.size()), 0};
}

std::shared_ptr<const device::DeviceCodec> AffineCodec::placed_on_device(device::AffineKind kind, int64_t group) const {
  return device::make_affine_codec({kind, form_, bits_, group, wide_});
}

double AffineCodec::error_bound(std::span<const float> values, const BlockShape& shape, Dtype dtype) const {
  const Ranges ranges = this->ranges(values, shape);
  const Parameters parameters = this->parameters(ranges, wide_ ? Dtype::float32 : dtype);
  double bound = 0;
  for (size_t i = 0; i < ranges.smallest.size(); ++i) {
    const double scale = stored(dtype, parameters.scale[i]), codes = static_cast<double>(levels() - 1);
    bound = std::max(bound, bounds::of_affine(form_, {ranges.smallest[i], ranges.largest[i], scale, codes}, dtype));
  }
  return bound;
}

}  // namespace kvdiff
