#include "tests/parity/wrong_hqq.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cache_backends/codecs/hqq_packing.h"
#include "cache_backends/registry.h"
#include "tests/parity/codec_wrapper.h"

namespace kvdiff::parity {
namespace {

struct Group {
  std::vector<size_t> places;  // in the tensor
  float scale = 1, zero = 0;
};

struct Options {
  int64_t group = 64;
  int bits = 4, axis = 0;
  bool solves = true, truncates = false;
  float largest() const { return static_cast<float>((1 << bits) - 1); }
};

float code_of(float value, const Group& group, const Options& options) {
  const float scaled = value * group.scale + group.zero;
  const float code = options.truncates ? std::trunc(scaled) : std::nearbyint(scaled);
  return std::clamp(code, 0.0f, options.largest());
}

std::vector<Group> grouped(std::span<const float> values, const Options& options) {
  const size_t size = static_cast<size_t>(options.group), count = values.size() / size;
  std::vector<Group> groups(count);
  for (size_t i = 0; i < values.size(); ++i) groups[options.axis == 1 ? i / size : i % count].places.push_back(i);
  for (Group& group : groups) {
    float low = values[group.places[0]], high = low;
    for (const size_t i : group.places) low = std::min(low, values[i]), high = std::max(high, values[i]);
    group.scale = high - low <= 1e-4f ? 1.0f : std::min(1.0f / (high - low) * options.largest(), 2e4f);
    group.zero = -low * group.scale;
  }
  return groups;
}

// One turn for one group; returns the sum of its |value - decoded|.
float turn(std::span<const float> values, Group& group, const Options& options) {
  float terms = 0, errors = 0;
  for (const size_t i : group.places) {
    const float code = code_of(values[i], group, options);
    const float error = values[i] - (code - group.zero) / group.scale;
    const float size = std::fabs(error), kept = std::max(size - 0.1f * std::pow(size, -0.3f), 0.0f);
    terms += code - (values[i] - std::copysign(kept, error)) * group.scale;
    errors += size;
  }
  group.zero = terms / static_cast<float>(group.places.size());
  return errors;
}

void solve(std::span<const float> values, std::vector<Group>& groups, const Options& options) {
  float best = std::numeric_limits<float>::infinity();
  for (int i = 0; i < 20; ++i) {
    float errors = 0;
    for (Group& group : groups) errors += turn(values, group, options);
    const float error = errors / static_cast<float>(values.size());
    if (!(error < best)) return;
    best = error;
  }
}

class WrongHqq : public CodecWrapper {
 public:
  WrongHqq(std::unique_ptr<Codec> codec, Options options) : CodecWrapper(std::move(codec)), options_(options) {}
  EncodedBlock encode(std::span<const float> values, const BlockShape& shape, Dtype dtype) const override {
    EncodedBlock block{shape, dtype, {}, {}, {}};
    std::vector<Group> groups = grouped(values, options_);
    if (options_.solves) solve(values, groups, options_);
    std::vector<uint8_t> codes(values.size());
    for (const Group& group : groups) {
      for (const size_t i : group.places) codes[i] = static_cast<uint8_t>(code_of(values[i], group, options_));
      block.scale.push_back(round_to(dtype, 1.0f / group.scale));
      block.zero.push_back(round_to(dtype, group.zero));
    }
    const int64_t count = static_cast<int64_t>(groups.size());
    block.packed = options_.axis == 1 ? pack({count, options_.group, options_.bits}, codes)
                                      : pack({options_.group, count, options_.bits}, codes);
    return block;
  }

 private:
  Options options_;
};

}  // namespace

std::unique_ptr<Codec> make_wrong_hqq(const SideSpec& spec, Side side, bool truncates) {
  const auto number = [&](const char* key) { return std::stoi(spec.values.at(key)); };
  const Options options{number("group"), number("bits"), number("axis"), spec.values.at("solver") == "on", truncates};
  return std::make_unique<WrongHqq>(find_codec("hqq").make(spec, side), options);
}

}  // namespace kvdiff::parity
