#include "tests/cache_backends/codecs/fixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace kvdiff::test {

Fixture read_fixture(const std::string& name, const std::string& package, const std::string& version) {
  return read_fixture_file(std::string(KVDIFF_SOURCE_DIR) + "/tests/cache_backends/codecs/fixtures/" + name, package, version);
}

Fixture read_fixture_file(const std::string& path, const std::string& package, const std::string& version) {
  const auto fail = [&](const std::string& what) -> std::runtime_error {
    return std::runtime_error(fmt::format("{}: {}. Make it again with {} {}: the script beside it says how.", path, what,
                                          package, version));
  };
  std::ifstream file(path, std::ios::binary);
  std::string line;
  if (!file || !std::getline(file, line)) throw fail("cannot be read");
  Fixture fixture;
  fixture.header = nlohmann::json::parse(line, nullptr, false);
  if (fixture.header.is_discarded()) throw fail("does not begin with a line of JSON");
  if (fixture.header.at("package") != package || fixture.header.at("version") != version)
    throw fail("was made by " + fixture.header.at("package").dump() + " " + fixture.header.at("version").dump());
  fixture.data.assign(std::istreambuf_iterator<char>(file), {});
  const std::string digest = fnv1a_bytes(fixture.data);
  if (fixture.header.value("digest", "") != digest)
    throw fail(fmt::format("its arrays ({} bytes) are not those that were written: digest {}, not {}", fixture.data.size(),
                           digest, fixture.header.value("digest", "none")));
  return fixture;
}

std::vector<uint8_t> Fixture::bytes(const nlohmann::json& place) const {
  const auto first = data.begin() + place.at(0).get<std::ptrdiff_t>();
  return {first, first + place.at(1).get<std::ptrdiff_t>()};
}

std::vector<float> Fixture::floats(const nlohmann::json& place, Dtype dtype) const {
  const std::vector<uint8_t> raw = bytes(place);
  std::vector<float> values(raw.size() / size_of(dtype));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == Dtype::float32) {
      std::memcpy(&values[i], raw.data() + 4 * i, 4);
      continue;
    }
    uint16_t bits;
    std::memcpy(&bits, raw.data() + 2 * i, 2);
    values[i] = dtype == Dtype::float16 ? from_float16_bits(bits) : from_bfloat16_bits(bits);
  }
  return values;
}

namespace {

constexpr uint64_t fnv_start = 0xcbf29ce484222325u;
uint64_t fnv_step(uint64_t digest, uint32_t byte) { return (digest ^ byte) * 0x100000001b3u; }

}  // namespace

std::string fnv1a_bytes(const std::vector<uint8_t>& bytes) {
  uint64_t digest = fnv_start;
  for (const uint8_t byte : bytes) digest = fnv_step(digest, byte);
  return fmt::format("{:016x}", digest);
}

std::string fnv1a(const std::vector<float>& values) {
  uint64_t digest = fnv_start;
  for (const float value : values) {
    const uint32_t bits = std::isnan(value) ? 0x7fc00000u : std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) digest = fnv_step(digest, (bits >> shift) & 0xffu);
  }
  return fmt::format("{:016x}", digest);
}

int64_t differing(const std::vector<float>& left, const std::vector<float>& right) {
  if (left.size() != right.size()) return static_cast<int64_t>(std::max(left.size(), right.size()));
  int64_t count = 0;
  for (size_t i = 0; i < left.size(); ++i) {
    const bool both = std::isnan(left[i]) && std::isnan(right[i]);
    count += !both && std::bit_cast<uint32_t>(left[i]) != std::bit_cast<uint32_t>(right[i]);
  }
  return count;
}

std::vector<uint8_t> plain(const std::vector<std::byte>& bytes) {
  std::vector<uint8_t> out(bytes.size());
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), out.size());
  return out;
}

}  // namespace kvdiff::test
