#include "harness/model/files/folder.h"

#include <cstdlib>
#include <optional>

#include "harness/model/files/digest.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/tiny_llama.h"

using namespace kvdiff;
using kvdiff::test::check_refused;

namespace {

// Sets or removes a variable of the environment, and puts it back.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }

 private:
  void set(const char* value) { value == nullptr ? ::unsetenv(name_) : ::setenv(name_, value, 1); }
  const char* name_;
  std::optional<std::string> before_;
};

auto opening(const std::filesystem::path& path) {
  return [path] { open_model_folder(path); };
}

}  // namespace

TEST_CASE("folder: a whole one is opened, read and digested", "[modelfiles][folder]") {
  const test::TemporaryFolder folder;
  test::write_tiny_llama(folder / "one", {});
  const ModelFiles model = open_model(folder / "one");
  CHECK(model.config.hidden_size == 32);
  CHECK(model.generation.eos_ids == std::vector<int64_t>{2});
  CHECK(model.warnings.empty());
  CHECK(model.folder.tokenizer == folder / "one" / "tokenizer.json");
  CHECK(model.folder.tokenizer_config.has_value());
  CHECK_FALSE(model.folder.chat_template.has_value());
  CHECK(digest_model(model).size() == 32);
}

TEST_CASE("folder: missing, a file, empty", "[modelfiles][folder]") {
  const test::TemporaryFolder folder;
  check_refused(opening(folder / "none"), "none", "there is no such folder");
  test::write_text(folder / "file", "x");
  check_refused(opening(folder / "file"), "is a file, expected the folder");
  check_refused(opening(folder / "file/below"), "file/below");
  check_refused(opening(folder / std::string(5000, 'x')), "File name too long");
  std::filesystem::create_symlink("loop", folder / "loop");
  check_refused(opening(folder / "loop"), "loop");
  std::filesystem::create_directory(folder / "empty");
  check_refused(opening(folder / "empty"), "the folder is empty");
}

TEST_CASE("folder: all that is missing is said at once", "[modelfiles][folder]") {
  const test::TemporaryFolder folder;
  test::write_text(folder / "README.md", "x");
  check_refused(opening(folder.path()), "config.json is missing", "no weights", "tokenizer.json is missing");
  test::write_text(folder / "pytorch_model.bin", "x");
  test::write_text(folder / "model.Q4.gguf", "x");
  test::write_text(folder / "tokenizer.model", "x");
  check_refused(opening(folder.path()), "found 'model.Q4.gguf', 'pytorch_model.bin' instead", "save_pretrained",
                "tokenizer.model alone");
}

TEST_CASE("folder: links that lead nowhere are named when they are read", "[modelfiles][folder]") {
  const test::TemporaryFolder folder;
  test::write_tiny_llama(folder.path(), {});
  std::filesystem::remove(folder / "config.json");
  std::filesystem::create_symlink("../blobs/gone", folder / "config.json");
  check_refused([&] { open_model(folder.path()); }, "config.json (a symbolic link to ../blobs/gone)");
}

TEST_CASE("folder: without generation_config.json the ends are those of config.json", "[modelfiles][folder]") {
  const test::TemporaryFolder folder;
  test::write_tiny_llama(folder.path(), {});
  std::filesystem::remove(folder / "generation_config.json");
  const ModelFiles model = open_model(folder.path());
  CHECK(model.generation.eos_ids == std::vector<int64_t>{2});
  CHECK(model.generation.bos_id == 1);
}

TEST_CASE("folder: the alias leads to the user's cache", "[modelfiles][folder]") {
  const test::TemporaryFolder folder;
  const Variable home("HOME", folder.path().c_str());
  {
    const Variable xdg("XDG_CACHE_HOME", nullptr);
    check_refused([] { resolve_model("smollm2"); }, ".cache/kvdiff/models/SmolLM2-135M-Instruct", "run ./x model");
    std::filesystem::create_directories(folder / ".cache/kvdiff/models/SmolLM2-135M-Instruct");
    CHECK(resolve_model("smollm2") == folder / ".cache/kvdiff/models/SmolLM2-135M-Instruct");
  }
  const Variable xdg("XDG_CACHE_HOME", (folder / "xdg").c_str());
  check_refused([] { resolve_model("smollm2"); }, "xdg/kvdiff/models");
  CHECK(resolve_model("./smollm2") == "./smollm2");
  CHECK(resolve_model("some/folder") == "some/folder");
  CHECK_FALSE(test::message_of(ExitCode::usage, [] { resolve_model(""); }).empty());
}

TEST_CASE("folder: without a home the alias is the environment's fault", "[modelfiles][folder]") {
  const Variable home("HOME", nullptr);
  const Variable relative("XDG_CACHE_HOME", "not/absolute");
  CHECK(test::message_of(ExitCode::environment, [] { resolve_model("smollm2"); }).find("HOME") != std::string::npos);
}

TEST_CASE("digest: of names and contents, not of places", "[modelfiles][digest]") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "x");
  std::filesystem::create_directories(folder / "y");
  test::write_text(folder / "x/a", "1");
  test::write_text(folder / "x/b", "23");
  test::write_text(folder / "y/b", "23");
  std::filesystem::create_symlink("../x/a", folder / "y/a");
  const auto digest = [](std::vector<std::filesystem::path> files) { return digest_files(files); };
  const std::string first = digest({folder / "x/a", folder / "x/b"});
  CHECK(first.size() == 32);
  CHECK(digest({folder / "y/b", folder / "y/a"}) == first);
  test::write_text(folder / "x/a", "12");
  test::write_text(folder / "x/b", "3");
  CHECK(digest({folder / "x/a", folder / "x/b"}) != first);
  CHECK(digest_text("") == "99aa06d3014798d86001c324468d497f");
  check_refused([&] { digest({folder / "gone"}); }, "gone");
}
