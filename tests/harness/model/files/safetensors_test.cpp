#include "harness/model/files/safetensors.h"

#include <fmt/format.h>

#include <cstring>

#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

using namespace kvdiff;
using kvdiff::test::check_refused;

namespace {

std::string little_endian(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xff);
  return bytes;
}

std::string file_of(const std::string& header, size_t data) {
  return little_endian(header.size()) + header + std::string(data, '\1');
}

SafetensorsContent parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)), "m.safetensors");
}

// A file with one tensor 'w' of this description and `data` bytes.
auto with(const std::string& entry, size_t data) {
  return [file = file_of(fmt::format(R"({{"w": {}}})", entry), data)] { parse(file); };
}

std::string entry(const std::string& dtype, const std::string& shape, uint64_t begin, uint64_t end) {
  return fmt::format(R"({{"dtype": "{}", "shape": {}, "data_offsets": [{}, {}]}})", dtype, shape, begin, end);
}

}  // namespace

TEST_CASE("safetensors: tensors, types and metadata are read", "[modelfiles][safetensors]") {
  const std::string header =
      fmt::format(R"({{"__metadata__": {{"format": "pt"}}, "b": {}, "a": {}, "s": {}, "none": {}}}   )",
                  entry("F32", "[2, 3]", 2, 26), entry("I8", "[2]", 0, 2), entry("BF16", "[]", 26, 28),
                  entry("F16", "[0, 7]", 26, 26));
  const std::string file = file_of(header, 28);
  const SafetensorsContent content = parse(file);
  REQUIRE(content.tensors.size() == 4);
  CHECK(content.metadata.at("format") == "pt");
  CHECK(content.tensors[0].name == "a");
  CHECK(content.tensors[0].type == StoredType::other);
  CHECK(content.tensors[0].type_name == "I8");
  CHECK(content.tensors[1].name == "b");
  CHECK(content.tensors[1].type == StoredType::F32);
  CHECK(content.tensors[1].shape == std::vector<int64_t>{2, 3});
  CHECK(content.tensors[1].bytes.size() == 24);
  CHECK(static_cast<const void*>(content.tensors[1].bytes.data()) == file.data() + 8 + header.size() + 2);
  CHECK(content.tensors[2].name == "none");
  CHECK(content.tensors[3].type == StoredType::BF16);
  CHECK(content.tensors[3].shape.empty());
}

TEST_CASE("safetensors: an empty header and packed types are fine", "[modelfiles][safetensors]") {
  CHECK(parse(file_of("{}", 0)).tensors.empty());
  CHECK(parse(file_of(R"({"__metadata__": null})", 0)).metadata.empty());
  CHECK_NOTHROW(with(entry("F4", "[4]", 0, 2), 2)());
  check_refused(with(entry("F4", "[3]", 0, 2), 2), "'w'", "[3] of F4", "within a byte");
}

TEST_CASE("safetensors: a lying length is refused", "[modelfiles][safetensors]") {
  check_refused([] { parse("1234567"); }, "m.safetensors", "7 bytes", "at least 8");
  check_refused([] { parse(""); }, "0 bytes");
  check_refused([] { parse(little_endian(100'000'001) + "{}"); }, "100000001", "at most 100000000");
  check_refused([] { parse(std::string(8, '\xff') + "{}"); }, "18446744073709551615");
  check_refused([] { parse(little_endian(3) + "{}"); }, "3 bytes", "only 2 follow");
  check_refused([] { parse(little_endian(0)); }, "begins with nothing");
  check_refused([] { parse(little_endian(3) + " {}"); }, "expected '{'");
  check_refused([] { parse("version https://git-lfs.github.com/spec/v1\n"); }, "is this a safetensors file?");
}

TEST_CASE("safetensors: a damaged header is refused", "[modelfiles][safetensors]") {
  check_refused([] { parse(file_of("{\"w\": ", 0)); }, "m.safetensors, header", "not valid JSON");
  check_refused([] { parse(file_of("{\"\xff\": 1}", 0)); }, "UTF-8");
  check_refused([] { parse(file_of("{} x", 0)); }, "not valid JSON");
  check_refused([] { parse(file_of(std::string("{}\0", 3), 0)); }, "NUL");
  const std::string twice = fmt::format(R"({{"w": {0}, "w": {0}}})", entry("F32", "[1]", 0, 4));
  check_refused([&] { parse(file_of(twice, 4)); }, "'w' stands twice");
  check_refused([] { parse(file_of(R"({"__metadata__": {"a": 1}})", 0)); }, "__metadata__ 'a'", "an integer");
  check_refused([] { parse(file_of(R"({"__metadata__": []})", 0)); }, "__metadata__ is a list");
}

TEST_CASE("safetensors: a tensor's fields are checked", "[modelfiles][safetensors]") {
  check_refused(with("7", 0), "tensor 'w': is an integer", "expected an object");
  check_refused(with(R"({"shape": [1], "data_offsets": [0, 4]})", 4), "has no 'dtype'");
  check_refused(with(R"({"dtype": "F32", "data_offsets": [0, 4]})", 4), "has no 'shape'");
  check_refused(with(R"({"dtype": "F32", "shape": [1]})", 4), "has no 'data_offsets'");
  check_refused(with(R"({"dtype": 32, "shape": [1], "data_offsets": [0, 4]})", 4), "dtype is an integer");
  check_refused(with(entry("F31", "[1]", 0, 4), 4), "dtype 'F31' is none");
  check_refused(with(entry("F32", "[-1]", 0, 4), 4), "dimension -1");
  check_refused(with(entry("F32", "[1.0]", 0, 4), 4), "a fraction");
  check_refused(with(entry("F32", "1", 0, 4), 4), "shape is an integer");
  check_refused(with(R"({"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]})", 4), "not a list of two");
  check_refused(with(R"({"dtype": "F32", "shape": [1], "data_offsets": [0, "4"]})", 4), "data_offsets' end", "a text");
}

TEST_CASE("safetensors: sizes that do not add up are refused", "[modelfiles][safetensors]") {
  check_refused(with(entry("F32", "[2, 3]", 0, 20), 20), "'w'", "hold 20 bytes", "expected 24 for shape [2, 3] of F32");
  check_refused(with(entry("F32", "[1]", 4, 0), 4), "[4, 0] end before they begin");
  check_refused(with(entry("F32", "[2]", 0, 8), 4), "reach beyond the file's 4 bytes");
  check_refused(with(entry("F32", "[1]", 0, 18446744073709551615u), 4), "reach beyond");
  check_refused(with(entry("F32", "[4294967296, 4294967296]", 0, 0), 0), "more elements");
  check_refused(with(entry("F32", "[4611686018427387904]", 0, 0), 0), "more elements");
  check_refused(with(entry("F32", "[9223372036854775808]", 0, 0), 0), "9223372036854775808 is larger");
  check_refused(with(entry("F32", "[99999999999999999999]", 0, 0), 0), "a fraction");
}

TEST_CASE("safetensors: gaps, overlaps and rests are refused", "[modelfiles][safetensors]") {
  const auto two = [](uint64_t begin, uint64_t end, size_t data) {
    return [=] {
      parse(file_of(fmt::format(R"({{"a": {}, "b": {}}})", entry("U8", "[4]", 0, 4),
                                entry("U8", fmt::format("[{}]", end - begin), begin, end)),
                    data));
    };
  };
  CHECK_NOTHROW(two(4, 8, 8)());
  check_refused(two(3, 7, 7), "'b'", "begins at byte 3", "inside tensor 'a', which ends at 4");
  check_refused(two(0, 4, 4), "inside tensor");
  check_refused(two(5, 9, 9), "bytes 4 to 5 belong to no tensor");
  check_refused(two(4, 8, 9), "end at byte 8", "there are 9 bytes");
  check_refused(with(entry("U8", "[1]", 1, 2), 2), "bytes 0 to 1 belong to no tensor");
  check_refused([] { parse(file_of("{}", 1)); }, "there are 1 bytes");
}

TEST_CASE("safetensors: a file is opened through a symbolic link", "[modelfiles][safetensors]") {
  const test::TemporaryFolder folder;
  test::write_text(folder / "blob", file_of(fmt::format(R"({{"w": {}}})", entry("U8", "[2]", 0, 2)), 2));
  std::filesystem::create_symlink("blob", folder / "model.safetensors");
  const SafetensorsFile file = open_safetensors(folder / "model.safetensors");
  REQUIRE(file.content.tensors.size() == 1);
  CHECK(std::to_integer<int>(file.content.tensors[0].bytes[1]) == 1);
  std::filesystem::resize_file(folder / "blob", std::filesystem::file_size(folder / "blob") - 1);
  check_refused([&] { open_safetensors(folder / "model.safetensors"); }, "model.safetensors", "truncated");
}
