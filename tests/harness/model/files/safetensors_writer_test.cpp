#include "harness/model/files/safetensors_writer.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>

#include "harness/model/files/strict_json.h"
#include "harness/model/files/whole_file.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

using namespace kvdiff;

namespace {

size_t files_in(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

// Stands in for a full disk: writes beyond the limit fail, and the process is not killed for it.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("what is written as safetensors is read back", "[modelfiles][safetensors]") {
  const test::TemporaryFolder folder;
  const std::vector<float> values = {1.5f, -0.0f, 3e38f, 1e-45f, 5.0f, 6.0f};
  const int64_t ids[] = {7, -1};
  const std::vector<TensorEntry> tensors = {
      float32_entry("layer/0/\"key\"", {2, 3}, values),
      {"ids", StoredType::other, "I64", {2}, std::as_bytes(std::span(ids))},
      float32_entry("none", {0}, {}),
  };
  write_safetensors(folder / "out.safetensors", tensors, {{"made by", "kvdiff"}});
  CHECK(files_in(folder.path()) == 1);
  const SafetensorsFile file = open_safetensors(folder / "out.safetensors");
  CHECK(file.content.metadata.at("made by") == "kvdiff");
  REQUIRE(file.content.tensors.size() == 3);
  CHECK(file.content.tensors[0].name == "layer/0/\"key\"");
  CHECK(file.content.tensors[0].shape == std::vector<int64_t>{2, 3});
  CHECK(std::memcmp(file.content.tensors[0].bytes.data(), values.data(), 24) == 0);
  CHECK(reinterpret_cast<uintptr_t>(file.content.tensors[0].bytes.data()) % 8 == 0);
  const auto named_ids = std::find_if(file.content.tensors.begin(), file.content.tensors.end(),
                                      [](const TensorEntry& tensor) { return tensor.name == "ids"; });
  REQUIRE(named_ids != file.content.tensors.end());
  CHECK(named_ids->type_name == "I64");
  CHECK(std::memcmp(named_ids->bytes.data(), ids, sizeof ids) == 0);
}

TEST_CASE("a tensor that contradicts itself is our own mistake", "[modelfiles][safetensors]") {
  const test::TemporaryFolder folder;
  const std::vector<float> values = {1.0f, 2.0f};
  const std::vector<TensorEntry> short_one = {float32_entry("a", {3}, values)};
  const std::vector<TensorEntry> twice = {float32_entry("a", {2}, values), float32_entry("a", {2}, values)};
  CHECK_THROWS_AS(write_safetensors(folder / "x", short_one), InternalError);
  CHECK_THROWS_AS(write_safetensors(folder / "x", twice), InternalError);
  CHECK(files_in(folder.path()) == 0);
}

TEST_CASE("a file is written whole or not at all", "[modelfiles][whole_file]") {
  const test::TemporaryFolder folder;
  test::write_text(folder / "out", "old");
  {
    WholeFile file(folder / "out");
    file.write("new but never finished");
  }
  CHECK(read_text_file(folder / "out", 100) == "old");
  WholeFile file(folder / "out");
  file.write("new");
  file.commit();
  CHECK(read_text_file(folder / "out", 100) == "new");
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("an unwritable target ends with I/O and leaves nothing", "[modelfiles][whole_file]") {
  const test::TemporaryFolder folder;
  const std::string missing = test::message_of(ExitCode::io, [&] { WholeFile(folder / "no/such/out"); });
  CHECK(missing.find("no/such/out: No such file or directory") != std::string::npos);
  std::filesystem::create_directory(folder / "taken");
  const std::string taken = test::message_of(ExitCode::io, [&] { WholeFile(folder / "taken"); });
  CHECK(taken.find("taken: it is a folder") != std::string::npos);
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a pipe is not replaced, and a link stays a link", "[modelfiles][whole_file]") {
  const test::TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  test::message_of(ExitCode::io, [&] { WholeFile(folder / "pipe"); });
  CHECK(std::filesystem::is_fifo(folder / "pipe"));
  test::write_text(folder / "real", "old");
  std::filesystem::create_symlink("real", folder / "link");
  WholeFile file(folder / "link");
  file.write("new");
  file.commit();
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(read_text_file(folder / "real", 100) == "new");
}

TEST_CASE("a full disk ends with I/O and leaves the old file", "[modelfiles][whole_file]") {
  const test::TemporaryFolder folder;
  test::write_text(folder / "out.safetensors", "old");
  const std::vector<float> values(100'000, 1.0f);
  const std::vector<TensorEntry> tensors = {float32_entry("a", {100'000}, values)};
  const std::string message = test::message_of(ExitCode::io, [&] {
    const FileSizeLimit limit(4096);
    write_safetensors(folder / "out.safetensors", tensors);
  });
  CHECK(message.find("out.safetensors: File too large") != std::string::npos);
  CHECK(read_text_file(folder / "out.safetensors", 100) == "old");
  CHECK(files_in(folder.path()) == 1);
}
