#include "harness/model/files/rope.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

// double variants of libm's functions are chosen by the CPU at run time and differ in last bits; the long double ones
// are not, and their 64 bits of precision leave no doubt about a float32.
static_assert(LDBL_MANT_DIG >= 64, "the tables need a long double wider than double");

constexpr double pi = 3.14159265358979323846;

float power(float base, double exponent) { return static_cast<float>(powl(base, exponent)); }
double logarithm(double value) { return static_cast<double>(logl(value)); }

// base ** (arange(0, dim, 2) / dim), float32: the wavelengths divided by 2 pi
std::vector<float> periods(float base, int64_t head_size) {
  std::vector<float> result;
  for (int64_t i = 0; i < head_size; i += 2) {
    result.push_back(power(base, static_cast<float>(i) / static_cast<float>(head_size)));
  }
  return result;
}

std::vector<float> reciprocals(std::vector<float> values) {
  for (float& value : values) value = 1.0f / value;
  return values;
}

std::vector<float> linear(const RopeConfig& rope, int64_t head_size) {
  std::vector<float> inverse = reciprocals(periods(static_cast<float>(rope.theta), head_size));
  for (float& value : inverse) value /= static_cast<float>(rope.factor);
  return inverse;
}

// Llama 3.1: long wavelengths are divided by the factor, short ones kept, those between blended.
float llama3(const RopeConfig& rope, float inverse) {
  const auto original = static_cast<double>(rope.original_max_positions);
  const auto factor = static_cast<float>(rope.factor);
  const auto long_wave = static_cast<float>(original / rope.low_freq_factor);
  const auto short_wave = static_cast<float>(original / rope.high_freq_factor);
  // torch divides a number by a tensor as number x reciprocal.
  const float wavelength = 1.0f / inverse * static_cast<float>(2.0 * pi);
  const float scaled = wavelength > long_wave ? inverse / factor : inverse;
  if (wavelength < short_wave || wavelength > long_wave) return scaled;
  const float turns = 1.0f / wavelength * static_cast<float>(original);
  const float smooth = (turns - static_cast<float>(rope.low_freq_factor)) /
                       static_cast<float>(rope.high_freq_factor - rope.low_freq_factor);
  const float far = (1.0f - smooth) * scaled / factor;
  const float near = smooth * scaled;
  return far + near;
}

double yarn_attention_factor(const RopeConfig& rope) {
  const auto scaled = [&](double mscale) {
    return rope.factor <= 1.0 ? 1.0 : 0.1 * mscale * logarithm(rope.factor) + 1.0;
  };
  if (rope.attention_factor) return *rope.attention_factor;
  const double mscale = rope.mscale.value_or(0.0);
  const double mscale_all_dim = rope.mscale_all_dim.value_or(0.0);
  if (mscale != 0.0 && mscale_all_dim != 0.0) return scaled(mscale) / scaled(mscale_all_dim);
  return scaled(1.0);
}

// The pairs between which yarn blends from kept to scaled frequencies.
struct YarnRamp {
  double low;
  double high;
};

YarnRamp yarn_ramp(const RopeConfig& rope, int64_t head_size) {
  const auto dimension = static_cast<double>(head_size);
  const auto pair_turning = [&](double rotations) {
    const double turns = static_cast<double>(rope.original_max_positions) / (rotations * 2.0 * pi);
    return dimension * logarithm(turns) / (2.0 * logarithm(rope.theta));
  };
  double low = pair_turning(rope.beta_fast);
  double high = pair_turning(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dimension - 1.0);
  return {low, low == high ? high + 0.001 : high};
}

// "YaRN: Efficient Context Window Extension of Large Language Models", arXiv 2309.00071
std::vector<float> yarn(const RopeConfig& rope, int64_t head_size) {
  const YarnRamp ramp = yarn_ramp(rope, head_size);
  std::vector<float> inverse = periods(static_cast<float>(rope.theta), head_size);
  for (size_t i = 0; i < inverse.size(); ++i) {
    const float kept = 1.0f / inverse[i];
    const float interpolated = 1.0f / (static_cast<float>(rope.factor) * inverse[i]);
    const float position =
        (static_cast<float>(i) - static_cast<float>(ramp.low)) / static_cast<float>(ramp.high - ramp.low);
    const float share = 1.0f - std::clamp(position, 0.0f, 1.0f);
    const float scaled_part = interpolated * (1.0f - share);
    const float kept_part = kept * share;
    inverse[i] = scaled_part + kept_part;
  }
  return inverse;
}

}  // namespace

RopeFrequencies rope_frequencies(const RopeConfig& rope, int64_t head_size) {
  if (head_size < 2 || head_size % 2 != 0) throw InternalError("rope_frequencies: odd head size");
  std::vector<float> plain = reciprocals(periods(static_cast<float>(rope.theta), head_size));
  switch (rope.type) {
    case RopeType::standard:
    case RopeType::dynamic:
      return {std::move(plain)};
    case RopeType::linear:
      return {linear(rope, head_size)};
    case RopeType::llama3:
      for (float& value : plain) value = llama3(rope, value);
      return {std::move(plain)};
    case RopeType::yarn:
      return {yarn(rope, head_size), static_cast<float>(yarn_attention_factor(rope))};
  }
  throw InternalError("unknown rope type");
}

RopeFrequencies dynamic_rope_frequencies(const RopeConfig& rope, int64_t head_size, int64_t length) {
  if (rope.type != RopeType::dynamic) throw InternalError("dynamic_rope_frequencies: the rope type is another");
  if (length <= rope.max_positions) return rope_frequencies(rope, head_size);
  // The length is an integer tensor in the peer, so everything from here on is float32, but for the exponent.
  const float stretched =
      static_cast<float>(rope.factor) * static_cast<float>(length) / static_cast<float>(rope.max_positions);
  const float growth = stretched - static_cast<float>(rope.factor - 1.0);
  const double exponent = static_cast<double>(head_size) / static_cast<double>(head_size - 2);
  const float base = static_cast<float>(rope.theta) * power(growth, exponent);
  return {reciprocals(periods(base, head_size))};
}

RopeTable make_rope_table(const RopeFrequencies& frequencies, int64_t first, int64_t positions) {
  const auto pairs = static_cast<int64_t>(frequencies.inverse.size());
  RopeTable table{first, positions, pairs, {}, {}};
  table.cosine.reserve(static_cast<size_t>(positions * pairs));
  table.sine.reserve(static_cast<size_t>(positions * pairs));
  for (int64_t position = first; position < first + positions; ++position) {
    for (const float inverse : frequencies.inverse) {
      const float angle = static_cast<float>(position) * inverse;
      table.cosine.push_back(static_cast<float>(cosl(angle)) * frequencies.attention_factor);
      table.sine.push_back(static_cast<float>(sinl(angle)) * frequencies.attention_factor);
    }
  }
  return table;
}

}  // namespace kvdiff
