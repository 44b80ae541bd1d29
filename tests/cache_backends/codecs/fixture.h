#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cache_backends/codec.h"

// Reads what fixtures/make_*_fixtures.py writes: a line of JSON, then raw arrays at [offset, bytes].
namespace kvdiff::test {

struct Fixture {
  nlohmann::json header;
  std::vector<uint8_t> data;

  std::vector<uint8_t> bytes(const nlohmann::json& place) const;
  std::vector<float> floats(const nlohmann::json& place, Dtype dtype) const;
};

// Throws std::runtime_error that says how to make the file again when it is missing, cut, altered (the header holds a
// digest of the arrays), or of another package.
Fixture read_fixture(const std::string& name, const std::string& package, const std::string& version);
Fixture read_fixture_file(const std::string& path, const std::string& package, const std::string& version);

// Of the values as float32 bits, little-endian, every NaN as 0x7fc00000.
std::string fnv1a(const std::vector<float>& values);
std::string fnv1a_bytes(const std::vector<uint8_t>& bytes);
// Numbers whose bits differ, every NaN the same; all of them where the sizes do.
int64_t differing(const std::vector<float>& left, const std::vector<float>& right);
std::vector<uint8_t> plain(const std::vector<std::byte>& bytes);

}  // namespace kvdiff::test
