#include "harness/run/bit_digest.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <new>

#include "harness/model/compute.h"

namespace kvdiff {
namespace {

XXH3_state_t* state(void* pointer) { return static_cast<XXH3_state_t*>(pointer); }

void* make_state() {
  XXH3_state_t* made = XXH3_createState();
  if (!made) throw std::bad_alloc();
  XXH3_64bits_reset(made);
  return made;
}

}  // namespace

void FloatHash::Free::operator()(void* pointer) const { XXH3_freeState(state(pointer)); }

FloatHash::FloatHash() : state_(make_state()) {}
FloatHash::FloatHash(const FloatHash& other) : state_(make_state()) { *this = other; }
FloatHash& FloatHash::operator=(const FloatHash& other) {
  if (this != &other) XXH3_copyState(state(state_.get()), state(other.state_.get()));
  return *this;
}

void FloatHash::add(std::span<const float> values) {
  uint32_t bits[256];
  for (size_t begin = 0; begin < values.size(); begin += 256) {
    const size_t count = std::min<size_t>(256, values.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      const float value = values[begin + i];
      bits[i] = value == value ? std::bit_cast<uint32_t>(value) : 0x7fc00000u;
    }
    XXH3_64bits_update(state(state_.get()), bits, count * sizeof(uint32_t));
  }
}

uint64_t FloatHash::value() const { return XXH3_64bits_digest(state(state_.get())); }

void add_to_digest(const Compute& compute, FloatHash& hash, std::span<const float> values) {
  if (compute.device()) hash.add(compute.read(values));
  else hash.add(values);
}

std::string hex(uint64_t value) { return fmt::format("{:016x}", value); }

std::string hex_of_layers(const std::vector<FloatHash>& layers) {
  std::vector<uint64_t> values;
  for (const FloatHash& layer : layers) values.push_back(layer.value());
  return hex(XXH3_64bits(values.data(), values.size() * sizeof(uint64_t)));
}

}  // namespace kvdiff
