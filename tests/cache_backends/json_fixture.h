#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace kvdiff::test {

// A recording in fixtures/, whole and as its script wrote it. Throws std::runtime_error that names the file and the
// command that makes it again when it is missing, altered, or of another version of a package.
nlohmann::json read_json_fixture(const std::string& name);
// The same for bytes at any place, held to what the fixture `name` must be.
nlohmann::json check_json_fixture(const std::string& name, const std::string& path);

}  // namespace kvdiff::test
