#include "tests/support/golden.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "harness/write_file.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

bool accepting() {
  const char* value = std::getenv("KVDIFF_ACCEPT");
  return value != nullptr && std::string_view(value) == "1";
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The first line that is not the same in both.
std::string first_difference(const std::string& expected, const std::string& found) {
  const auto [left, right] = std::ranges::mismatch(expected, found);
  const auto line = std::count(found.begin(), right, '\n');
  const auto rest = [](const std::string& text, auto at) {
    const auto begin = std::find(std::make_reverse_iterator(at), text.rend(), '\n').base();
    return std::string(begin, std::find(at, text.end(), '\n'));
  };
  return "line " + std::to_string(line + 1) + "\n  expected: " + rest(expected, left) + "\n  found:    " + rest(found, right);
}

}  // namespace

void check_golden(std::string_view name, const std::string& text) {
  const auto path = std::filesystem::path(KVDIFF_SOURCE_DIR) / "tests" / "golden" / name;
  if (accepting()) write_file(path.string(), text);
  const std::string expected = content_of(path);
  if (expected == text) {
    SUCCEED();
    return;
  }
  FAIL_CHECK(path << ": " << first_difference(expected, text) << "\nif this is meant: run the tests with KVDIFF_ACCEPT=1");
}

}  // namespace kvdiff::test
