#include "harness/model/files/weights.h"

#include "harness/model/files/safetensors_writer.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

using namespace kvdiff;
using kvdiff::test::check_refused;

namespace {

const std::vector<float> one_value = {1.0f};
const std::vector<float> two_values = {2.0f, 3.0f};

void write_shard(const std::filesystem::path& path, const std::vector<std::string>& names) {
  std::vector<TensorEntry> tensors;
  for (const std::string& name : names) tensors.push_back(float32_entry(name, {1}, one_value));
  write_safetensors(path, tensors);
}

void write_index(const test::TemporaryFolder& folder, const std::string& weight_map) {
  test::write_text(folder / "model.safetensors.index.json", R"({"metadata": {}, "weight_map": )" + weight_map + "}");
}

auto opening(const test::TemporaryFolder& folder) {
  return [&folder] { Weights::open(folder.path()); };
}

}  // namespace

TEST_CASE("weights: a single file", "[modelfiles][weights]") {
  const test::TemporaryFolder folder;
  const std::vector<TensorEntry> tensors = {float32_entry("b", {2}, two_values), float32_entry("a", {1}, one_value)};
  write_safetensors(folder / "model.safetensors", tensors);
  const Weights weights = Weights::open(folder.path());
  CHECK(weights.find("c") == nullptr);
  CHECK(read_all(weights.at("b")) == two_values);
  REQUIRE(weights.tensors().size() == 2);
  CHECK(weights.tensors()[0]->name == "a");
  CHECK(weights.files() == std::vector<std::filesystem::path>{folder / "model.safetensors"});
  check_refused([&] { weights.at("c"); }, "no tensor 'c'");
}

TEST_CASE("weights: shards through an index, as links into blobs", "[modelfiles][weights]") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "blobs");
  write_shard(folder / "blobs/1", {"a", "b"});
  write_shard(folder / "blobs/2", {"c"});
  std::filesystem::create_symlink("blobs/1", folder / "x-1.safetensors");
  std::filesystem::create_symlink("blobs/2", folder / "x-2.safetensors");
  write_index(folder, R"({"a": "x-1.safetensors", "b": "x-1.safetensors", "c": "x-2.safetensors"})");
  const Weights weights = Weights::open(folder.path());
  CHECK(weights.tensors().size() == 3);
  CHECK(read_all(weights.at("c")) == one_value);
  CHECK(weights.files().size() == 3);
}

TEST_CASE("weights: a shard's name may not lead elsewhere", "[modelfiles][weights]") {
  const test::TemporaryFolder folder;
  for (const std::string name :
       {"../x.safetensors", "/etc/passwd", "sub/x.safetensors", "..", ".", "", "a\\\\b", "a\\u0000b"}) {
    INFO(name);
    write_index(folder, R"({"a": ")" + name + R"("})");
    check_refused(opening(folder), "index.json", "plain file name");
  }
}

TEST_CASE("weights: an index that does not fit its shards", "[modelfiles][weights]") {
  const test::TemporaryFolder folder;
  write_shard(folder / "1.safetensors", {"a", "b"});
  write_shard(folder / "2.safetensors", {"c"});
  write_index(folder, R"({"a": "1.safetensors", "c": "3.safetensors", "d": "4.safetensors"})");
  check_refused(opening(folder), "2 of them are missing", "'3.safetensors', '4.safetensors'");
  write_index(folder, R"({"a": "1.safetensors", "b": "2.safetensors", "c": "2.safetensors"})");
  check_refused(opening(folder), "tensor 'b' is in '2.safetensors'", "in another shard");
  write_index(folder, R"({"a": "1.safetensors", "c": "2.safetensors", "d": "2.safetensors"})");
  check_refused(opening(folder), "tensor 'd' is in '2.safetensors'", "in no shard");
  write_shard(folder / "2.safetensors", {"c", "a"});
  write_index(folder, R"({"a": "1.safetensors", "c": "2.safetensors"})");
  check_refused(opening(folder), "2.safetensors", "tensor 'a' is in another shard too");
}

TEST_CASE("weights: shards that the system cannot open", "[modelfiles][weights]") {
  const test::TemporaryFolder folder;
  std::filesystem::create_symlink("loop", folder / "loop");
  write_index(folder, R"({"a": "loop"})");
  check_refused(opening(folder), "loop", "symbolic link");
  write_index(folder, R"({"a": ")" + std::string(5000, 'x') + R"("})");
  check_refused(opening(folder), "missing", "... (5000 bytes)");
  std::filesystem::create_directory(folder / "sub");
  write_index(folder, R"({"a": "sub"})");
  check_refused(opening(folder), "it is a folder");
}

TEST_CASE("weights: an index that is none", "[modelfiles][weights]") {
  const test::TemporaryFolder folder;
  for (const std::string map : {"7", "[]", "null"}) {
    write_index(folder, map);
    check_refused(opening(folder), "has no object 'weight_map'");
  }
  write_index(folder, "{}");
  check_refused(opening(folder), "'weight_map' is empty");
  write_index(folder, R"({"a": 7})");
  check_refused(opening(folder), "weight_map 'a' is an integer");
  test::write_text(folder / "model.safetensors.index.json", "[]");
  check_refused(opening(folder), "has no object 'weight_map'");
}

TEST_CASE("weights: without files", "[modelfiles][weights]") {
  const test::TemporaryFolder folder;
  check_refused(opening(folder), "model.safetensors", "No such file");
  std::filesystem::create_symlink("../../blobs/abc", folder / "model.safetensors");
  check_refused(opening(folder), "symbolic link to ../../blobs/abc");
}
