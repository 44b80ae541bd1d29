#include "harness/text/utf8.h"

#include "harness/text/escape.h"
#include "tests/catch.h"
#include "tests/support/expect_error.h"

using namespace kvdiff;

namespace {

std::string replaced(std::string bytes) { return replace_invalid_utf8(bytes, true); }

}  // namespace

TEST_CASE("code points go to UTF-8 and back", "[text][utf8]") {
  for (char32_t c :
       {U'\0', U'a', U'\x7F', U'\x80', U'\x7FF', U'\x800', U'\xD7FF', U'\xE000', U'\xFFFF', U'\x10000', U'\x10FFFF'}) {
    const std::string text = to_utf8(c);
    const auto decoded = decode_utf8(text, 0);
    REQUIRE(decoded);
    CHECK(decoded->value == c);
    CHECK(decoded->length == text.size());
    CHECK(decode_valid_utf8(text, 0).value == c);
  }
}

TEST_CASE("ill-formed UTF-8 is found at its byte offset", "[text][utf8]") {
  CHECK_FALSE(find_invalid_utf8("a\xC3\xA9\xF0\x9F\x98\x80"));
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x82", "\xF0\x9F\x98"}) {
    CHECK(find_invalid_utf8("ab" + std::string(bad)) == 2u);
  }
  test::check_refused([] { require_utf8("abc\xFFz", "the prompt"); }, "the prompt", "0xff", "byte offset 3");
}

// The examples of the Unicode standard, section 3.9, table 3-8 and its neighbours.
TEST_CASE("maximal ill-formed parts become one U+FFFD each", "[text][utf8]") {
  const std::string r = "\xEF\xBF\xBD";
  CHECK(replaced("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41") == r + r + r + r + r + r + r + r + "A");
  CHECK(replaced("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41") == r + r + r + r + r + r + r + r + "A");
  CHECK(replaced("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42") == r + r + r + r + r + "A" + r + r + "B");
  CHECK(replaced("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == r + r + r + r + "A");
}

TEST_CASE("an unfinished sequence at the end waits for its other bytes", "[text][utf8]") {
  std::string pending = "a\xF0\x9F";
  CHECK(replace_invalid_utf8(pending, false) == "a");
  CHECK(pending == "\xF0\x9F");
  pending +=
      "\x98\x80"
      "b";
  CHECK(replace_invalid_utf8(pending, false) ==
        "\xF0\x9F\x98\x80"
        "b");
  CHECK(pending.empty());
  pending = "\xE2\x82";
  CHECK(replace_invalid_utf8(pending, false).empty());
  CHECK(replace_invalid_utf8(pending, true) == "\xEF\xBF\xBD");
}

TEST_CASE("Python's white space is stripped at both ends", "[text][utf8]") {
  CHECK(strip_python_whitespace("\x1C \xC2\xA0\xE3\x80\x80 a b\t\n\xC2\x85") == "a b");
  CHECK(strip_python_whitespace("\xE2\x80\x8B") == "\xE2\x80\x8B");  // U+200B is none
  CHECK(strip_python_whitespace(" \n").empty());
}

TEST_CASE("what a terminal should not see is escaped", "[text][utf8]") {
  CHECK(escape_for_display(" the\n\t\\\x1B") == " the\\n\\t\\\\\\u{001B}");
  CHECK(escape_for_display("\xE2\x82") == "\\xE2\\x82");
  CHECK(escape_for_display("\xE2\x80\xAE\xC3\xA9") == "\\u{202E}\xC3\xA9");
}
