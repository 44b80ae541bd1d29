#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "cache_backends/codec.h"
#include "cache_backends/registry.h"

// Inputs drawn from a seed by arithmetic alone, so that they are the same with every standard library.
namespace kvdiff::test {

inline float uniform(std::mt19937& random) { return static_cast<float>(random() >> 8) * 0x1p-24f; }

inline float bell(std::mt19937& random) {  // about normal: the sum of twelve uniforms
  float sum = -6.0f;
  for (int i = 0; i < 12; ++i) sum += uniform(random);
  return sum;
}

// K-like: a few channels far out and off centre.
inline std::vector<float> drawn(const BlockShape& shape, Dtype dtype, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (size_t i = 0; i < values.size(); ++i) {
    const bool outlier = i % static_cast<size_t>(shape.head_size) % 16 == 5;
    values[i] = round_to(dtype, outlier ? 8.0f * bell(random) + 12.0f : bell(random));
  }
  return values;
}

inline std::unique_ptr<Codec> codec_of(const std::string& name, const std::map<std::string, std::string>& values) {
  return find_codec(name).make({name, values}, Side::key);
}

inline std::vector<float> decoded(const Codec& codec, const EncodedBlock& block) {
  std::vector<float> out(static_cast<size_t>(block.shape.elements()));
  codec.decode(block, 0, out);
  return out;
}

}  // namespace kvdiff::test
