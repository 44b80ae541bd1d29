#include "tests/cache_backends/codecs/fixture.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace kvdiff::test {

Fixture read_fixture(const std::string& name, const std::string& package, const std::string& version) {
  const std::string path = std::string(KVDIFF_SOURCE_DIR) + "/tests/cache_backends/codecs/fixtures/" + name;
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
  size_t end = 0;
  for (const auto& row : fixture.header.at("cases"))
    for (const char* key : {"input", "codes", "packed", "scale", "zero"})
      if (!row.at(key).is_null()) end = std::max(end, row.at(key)[0].get<size_t>() + row.at(key)[1].get<size_t>());
  if (fixture.data.size() != end) throw fail(fmt::format("holds {} bytes of arrays, not {}", fixture.data.size(), end));
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

std::string fnv1a(const std::vector<float>& values) {
  uint64_t digest = 0xcbf29ce484222325u;
  for (const float value : values) {
    const uint32_t bits = std::isnan(value) ? 0x7fc00000u : std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) digest = (digest ^ ((bits >> shift) & 0xffu)) * 0x100000001b3u;
  }
  return fmt::format("{:016x}", digest);
}

}  // namespace kvdiff::test
