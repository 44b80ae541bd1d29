#include "harness/text_findings/utf8.h"

#include "tests/catch.h"

using namespace kvdiff;

TEST_CASE("well-formed UTF-8 passes", "[text_findings][utf8]") {
  for (const char* text : {"", "plain", "h\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x99\x82", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK_FALSE(first_invalid_utf8(text, false));
  CHECK_FALSE(first_invalid_utf8(std::string_view("\0", 1), false));
}

TEST_CASE("the first bad byte is found", "[text_findings][utf8]") {
  CHECK(first_invalid_utf8("ab\x80", false) == 2);           // continuation without a lead
  CHECK(first_invalid_utf8("a\xc3(", false) == 1);           // lead without its continuation
  CHECK(first_invalid_utf8("\xc0\xaf", false) == 0);         // overlong
  CHECK(first_invalid_utf8("\xe0\x9f\xbf", false) == 0);     // overlong
  CHECK(first_invalid_utf8("x\xed\xa0\x80", false) == 1);    // surrogate
  CHECK(first_invalid_utf8("\xf4\x90\x80\x80", false) == 0); // above U+10FFFF
  CHECK(first_invalid_utf8("\xff", true) == 0);
}

TEST_CASE("a character cut off by the end is wrong only in a finished text", "[text_findings][utf8]") {
  for (const char* text : {"ab\xf0", "ab\xf0\x9f", "ab\xf0\x9f\x99"}) {
    CHECK_FALSE(first_invalid_utf8(text, true));
    CHECK(first_invalid_utf8(text, false) == 2);
  }
  CHECK(first_invalid_utf8("ab\xf0\x80", true) == 2);
}
