#include "harness/text/code_point_set.h"

#include "cache_backends/error.h"
#include "harness/text/unicode_tables.h"
#include "harness/text/unicode_text.h"
#include "tests/catch.h"

using namespace kvdiff;

TEST_CASE("ranges join, and a set and its complement part the code points", "[text][unicode]") {
  const CodePointSet set = make_set({{'x', 'z'}, {'a', 'c'}, {'d', 'e'}, {'b', 'b'}});
  CHECK(set == CodePointSet{{{'a', 'e'}, {'x', 'z'}}});
  const CodePointSet rest = complement(set);
  for (char32_t c : {U'\0', U'a', U'e', U'f', U'w', U'z', U'{', U'\x10FFFF'})
    CHECK(contains(set, c) != contains(rest, c));
  CHECK(united(set, rest) == CodePointSet{{{0, code_point_end - 1}}});
  CHECK(complement(rest) == set);
}

TEST_CASE("the tables hold what the pinned peer knows", "[text][unicode]") {
  CHECK(unicode_tables_source() == "tokenizers 0.23.3");
  const auto is = [](const char* name, char32_t c) { return unicode_class_bitmap(name).contains(c); };
  CHECK(is("L", U'é'));
  CHECK(is("L", 0x1C89));  // a letter since Unicode 16, which libraries of 2022 do not know
  CHECK(is("Nd", U'٣'));
  CHECK(is("N", U'Ⅷ'));
  CHECK_FALSE(is("N", U'x'));
  CHECK(is("numeric", U'½'));
  CHECK(is("regex_space", 0x85));
  CHECK_FALSE(is("regex_space", 0x180E));
  CHECK(is("Cn", 0x378));
  CHECK(is("combining_mark", 0x301));
  CHECK(is("Han", U'漢'));
  CHECK(find_unicode_class("Klingon") == nullptr);
  CHECK_THROWS_AS(unicode_class_bitmap("Klingon"), InternalError);
}

TEST_CASE("bitmap and ranges agree", "[text][unicode]") {
  const CodePointSet& set = *find_unicode_class("P");
  const CodePointBitmap bitmap(set);
  for (char32_t c = 0; c < 0x3100; ++c) {
    if (bitmap.contains(c) != contains(set, c)) FAIL("U+" << std::hex << static_cast<uint32_t>(c));
  }
}

TEST_CASE("normal forms are those of the peer's old tables", "[text][unicode]") {
  CHECK(normalize_unicode("e\xCC\x81", NormalizationForm::nfc) == "\xC3\xA9");
  CHECK(normalize_unicode("\xC3\xA9", NormalizationForm::nfd) == "e\xCC\x81");
  CHECK(normalize_unicode("\xEF\xAC\x81", NormalizationForm::nfkc) == "fi");
  CHECK(normalize_unicode("\xEF\xAC\x81", NormalizationForm::nfd) == "\xEF\xAC\x81");
  // Found by comparing with the peer: a syllable before U+11A7 keeps it, and takes U+11A8, the first that does compose.
  CHECK(normalize_unicode("\uC624\u11A7", NormalizationForm::nfc) == "\uC624\u11A7");
  CHECK(normalize_unicode("\uC624\u11A8", NormalizationForm::nfc) == "\uC625");
  CHECK(normalize_unicode("\u1169\u11A7\u0323\u0301", NormalizationForm::nfc) == "\u1169\u11A7\u0323\u0301");
  CHECK(normalize_unicode(std::string("a\0b\xC3\xA9", 5), NormalizationForm::nfc) == std::string("a\0b\xC3\xA9", 5));
  const std::string square_era =
      "\xE3\x8B\xBF";  // U+32FF decomposes since Unicode 12.1, which the peer's tables precede
  CHECK(normalize_unicode(square_era, NormalizationForm::nfkc) == square_era);
}

TEST_CASE("lowercase is Rust's, one code point at a time", "[text][unicode]") {
  const auto lower = [](char32_t c) {
    std::string text;
    append_lowercase(text, c);
    return text;
  };
  CHECK(lower(U'A') == "a");
  CHECK(lower(U'Σ') == "σ");
  CHECK(lower(0x130) == "i\xCC\x87");
  CHECK(lower(U'Ā') == "ā");
  CHECK(lower(U'漢') == "漢");
}
