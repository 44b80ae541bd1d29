#include "harness/model/files/strict_json.h"

#include <sys/stat.h>

#include "harness/model/files/text_quote.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

using namespace kvdiff;
using kvdiff::test::check_refused;

TEST_CASE("strict JSON reads what is valid", "[modelfiles][strict_json]") {
  const auto value = parse_strict_json(R"({"a": [1, {"b": null}], "c": {"a": 1}})", "file");
  CHECK(value["a"][0] == 1);
  CHECK(value["c"]["a"] == 1);
  CHECK(parse_strict_json("7", "file") == 7);
}

TEST_CASE("strict JSON refuses what the library would pass over", "[modelfiles][strict_json]") {
  const auto parse = [](std::string_view text) { return [text] { parse_strict_json(text, "x/config.json", 4); }; };
  check_refused(parse(R"({"a": 1, "a": 2})"), "x/config.json", "'a' stands twice");
  check_refused(parse(R"({"b": {"a": 1, "c": [], "a": 1}})"), "'a' stands twice");
  check_refused(parse(std::string_view("{}\0{", 4)), "NUL byte", "line 1, column 3");
  check_refused(parse("[[[[[1]]]]]"), "deeper than 4");
  check_refused(parse(R"({"a":{"a":{"a":{"a":{}}}}})"), "deeper than 4");
  CHECK_NOTHROW(parse(R"([[[[1]]]])")());
}

TEST_CASE("a mistake in JSON is placed by line and column", "[modelfiles][strict_json]") {
  const auto parse = [](std::string_view text) { return [text] { parse_strict_json(text, "config.json"); }; };
  check_refused(parse("{\n  \"a\": 1,\n  \"b\": NaN\n}"), "config.json", "line 3", "NaN");
  check_refused(parse(""), "config.json", "unexpected end of input");
  check_refused(parse("{\"a\": 1e999}"), "1e999");
  check_refused(parse("{} {}"), "line 1");
  check_refused(parse("{\"a\": \"\xff\"}"), "UTF-8");
  check_refused(parse("{\"a\": \"\\ud800\"}"), "surrogate");
}

TEST_CASE("names in messages cannot reach the terminal's controls", "[modelfiles][strict_json]") {
  CHECK(quote_name("plain é 漢 😀") == "'plain é 漢 😀'");
  CHECK(quote_name("\x1b[31m\n\x7f") == "'\\x1b[31m\\x0a\\x7f'");
  CHECK(quote_name("\xff\xc3") == "'\\xff\\xc3'");
  CHECK(quote_name("\xc2\x9b") == "'\\xc2\\x9b'");                    // the 8-bit escape character
  CHECK(quote_name("\xed\xa0\x80") == "'\\xed\\xa0\\x80'");           // a surrogate
  CHECK(quote_name("\xf4\x90\x80\x80") == "'\\xf4\\x90\\x80\\x80'");  // beyond U+10FFFF
  CHECK(quote_name("\xe0\x80\x80") == "'\\xe0\\x80\\x80'");           // too long a form
  CHECK(quote_name(std::string(200, 'x')) == "'" + std::string(80, 'x') + "... (200 bytes)'");
}

TEST_CASE("a text file is read whole or refused", "[modelfiles][strict_json]") {
  const test::TemporaryFolder folder;
  test::write_text(folder / "a.json", "abc");
  CHECK(read_text_file(folder / "a.json", 3) == "abc");
  check_refused([&] { read_text_file(folder / "a.json", 2); }, "a.json", "3 bytes", "at most 2");
  check_refused([&] { read_text_file(folder / "b.json", 9); }, "b.json", "No such file");
  check_refused([&] { read_text_file(folder.path(), 9); }, "it is a folder");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  check_refused([&] { read_text_file(folder / "pipe", 9); }, "pipe or a device");
  std::filesystem::create_symlink("gone", folder / "link");
  check_refused([&] { read_text_file(folder / "link", 9); }, "symbolic link to gone");
  test::write_text(folder / "empty", "");
  CHECK(read_text_file(folder / "empty", 9).empty());
}
