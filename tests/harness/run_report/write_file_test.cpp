#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "harness/write_file.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

namespace kvdiff {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

size_t files_in(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
}

std::string refusal(const fs::path& path) {
  return test::message_of(ExitCode::io, [&] { write_file(path.string(), "new"); });
}

TEST_CASE("a file is written whole, and replaces what stood there", "[write_file]") {
  const test::TemporaryFolder folder;
  write_file((folder / "report.json").string(), "old");
  write_file((folder / "report.json").string(), std::string("new\0er", 6));
  CHECK(content_of(folder / "report.json") == std::string("new\0er", 6));
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a link's file is written, and the link stays", "[write_file]") {
  const test::TemporaryFolder folder;
  write_file((folder / "real").string(), "old");
  fs::create_symlink("real", folder / "link");
  write_file((folder / "link").string(), "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(content_of(folder / "real") == "new");
}

TEST_CASE("what cannot be written is an I/O error that says why and what to do", "[write_file]") {
  const test::TemporaryFolder folder;
  CHECK_THAT(refusal(folder / "missing" / "report"), Catch::Contains("missing/report") && Catch::Contains("create the folder"));
  CHECK_THAT(refusal(folder.path()), Catch::Contains("that is a folder"));
  write_file((folder / "file").string(), "old");
  CHECK_THAT(refusal(folder / "file" / "report"), Catch::Contains("a folder was expected"));
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a full disk leaves no half-written report", "[write_file]") {
  CHECK_THAT(refusal("/dev/full"), Catch::Contains("No space left") && Catch::Contains("free some space"));
}

TEST_CASE("whether a file can be written is known before there is anything to write", "[write_file]") {
  const test::TemporaryFolder folder;
  write_file((folder / "report").string(), "old");
  require_writable((folder / "report").string());
  require_writable((folder / "fresh").string());
  require_writable("-");
  require_writable("");
  CHECK(content_of(folder / "report") == "old");
  CHECK(files_in(folder.path()) == 1);
  CHECK_THAT(test::message_of(ExitCode::io, [&] { require_writable((folder / "none" / "x").string()); }), Catch::Contains("create the folder"));
  CHECK_THAT(test::message_of(ExitCode::io, [&] { require_writable(folder.path().string()); }), Catch::Contains("that is a folder"));
}

}  // namespace
}  // namespace kvdiff
