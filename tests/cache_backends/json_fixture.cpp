#include "tests/cache_backends/json_fixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

namespace kvdiff::test {
namespace {

// The digest is FNV-1a of the file: what is not what the packages wrote proves nothing. After a deliberate change of the
// script the message below says the new one.
struct Recorded {
  std::string_view name, package, version, command, digest;
};
constexpr std::string_view schedules = "python tests/cache_backends/make_hf_schedule_fixtures.py";
constexpr std::string_view old_schedules = "PYTHONPATH=FOLDER python tests/cache_backends/make_old_schedule_fixtures.py";
constexpr std::string_view forecasts = "python tests/cache_backends/make_peer_forecast_fixtures.py";
constexpr Recorded table[] = {
    {"hf_schedule.json", "transformers", "5.23.0", schedules, "0d032cff8e926477"},
    {"hf_schedule_5.15.0.json", "transformers", "5.15.0", old_schedules, "222a8ec57c6c6a83"},
    {"hf_schedule_4.54.1.json", "transformers", "4.54.1", old_schedules, "89185ada5f34a829"},
    {"peer_forecast.json", "transformers", "5.23.0", forecasts, "87b37bcdbfb31fef"},
};

std::string fnv1a_text(const std::string& bytes) {
  uint64_t digest = 0xcbf29ce484222325u;
  for (const char byte : bytes) digest = (digest ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  return fmt::format("{:016x}", digest);
}

}  // namespace

nlohmann::json check_json_fixture(const std::string& name, const std::string& path) {
  const auto row = std::find_if(std::begin(table), std::end(table), [&](const Recorded& one) { return one.name == name; });
  if (row == std::end(table)) throw std::runtime_error(name + " has no row in json_fixture.cpp");
  const auto fail = [&](const std::string& what) {
    return std::runtime_error(fmt::format("{}: {}. Make it again with {} {}: {}", path, what, row->package, row->version, row->command));
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) throw fail("cannot be read");
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  nlohmann::json document = nlohmann::json::parse(bytes, nullptr, false);
  if (document.is_discarded() || !document.contains("packages")) throw fail("is not what the script writes");
  const std::string version = document["packages"].value(std::string(row->package), "nothing");
  if (version != row->version) throw fail(fmt::format("was made by {} {}", row->package, version));
  if (fnv1a_text(bytes) != row->digest) throw fail(fmt::format("was altered: digest {}, not {}", fnv1a_text(bytes), row->digest));
  return document;
}

nlohmann::json read_json_fixture(const std::string& name) {
  return check_json_fixture(name, KVDIFF_SOURCE_DIR "/tests/cache_backends/fixtures/" + name);
}

}  // namespace kvdiff::test

using namespace kvdiff::test;

TEST_CASE("fixtures: a recording that is missing, altered or of another version says how to make it again", "[golden]") {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "made.json").string();
  const auto said = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      check_json_fixture("peer_forecast.json", path);
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  std::ifstream file(KVDIFF_SOURCE_DIR "/tests/cache_backends/fixtures/peer_forecast.json", std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(file), {});
  CHECK(said(whole) == "nothing");
  CHECK_THAT(said(whole.substr(0, whole.size() / 2)), Catch::Matchers::Contains("make_peer_forecast_fixtures.py"));
  std::string other = whole;
  other.replace(other.find("5.23.0"), 6, "5.24.0");
  CHECK_THAT(said(other), Catch::Matchers::Contains("was made by transformers 5.24.0"));
  std::string altered = whole;
  altered.replace(altered.rfind("raises\":true"), 12, "raises\":null");
  CHECK_THAT(said(altered), Catch::Matchers::Contains("was altered"));
  CHECK_THROWS_WITH(check_json_fixture("peer_forecast.json", path + ".none"), Catch::Matchers::Contains("cannot be read"));
}
