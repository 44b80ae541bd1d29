#include "reports/text.h"

#include "reports/chart.h"
#include "reports/numbers.h"
#include "reports/table.h"
#include "tests/catch.h"

namespace kvdiff {
namespace {

TEST_CASE("what would move the cursor or hide is spelled out", "[reports]") {
  CHECK(printable("a\x1b[31mb\x07", true) == "a\\x1b[31mb\\x07");
  CHECK(printable("tab\tline\nreturn\r", true) == "tab\\tline↵return\\r");
  CHECK(printable("\xc2\x9b", true) == "\\u009b");                   // a control sequence introducer of one character
  CHECK(printable("a\xe2\x80\xae" "b", true) == "a\\u202eb");        // right to left from here on
  CHECK(printable("zero\xe2\x80\x8bwidth", true) == "zero\\u200bwidth");
  CHECK(printable("\xf3\xa0\x81\x81", true) == "\\U000e0041");       // a tag
  CHECK(printable("\xff\xc3(\xed\xa0\x80", true) == "\\xff\\xc3(\\xed\\xa0\\x80");  // broken, cut short, a surrogate
  CHECK(printable("caf\xc3\xa9 \xe6\xbc\xa2", true) == "caf\xc3\xa9 \xe6\xbc\xa2");
}

TEST_CASE("without Unicode every byte is ASCII", "[reports]") {
  CHECK(printable("caf\xc3\xa9\n", false) == "caf\\u00e9\\n");
  CHECK(printable("\xf0\x9f\x98\x80", false) == "\\U0001f600");
}

TEST_CASE("columns: wide characters take two, marks none, a joined emoji is one", "[reports]") {
  CHECK(columns("abc") == 3);
  CHECK(columns("漢字") == 4);
  CHECK(columns("e\xcc\x81") == 1);
  CHECK(columns("👍🏽") == 2);
  CHECK(columns("👩\xe2\x80\x8d🚀") == 2);
  CHECK(columns("한") == 2);
  CHECK(columns("▁█") == 2);
  CHECK(columns("") == 0);
}

TEST_CASE("text is cut and padded by columns", "[reports]") {
  CHECK(clipped("漢字漢字", 5, true) == "漢字…");
  CHECK(clipped("漢字", 4, true) == "漢字");
  CHECK(clipped("abcdef", 5, false) == "ab...");
  CHECK(clipped("abcdef", 1, false) == ".");
  CHECK(padded_right("漢", 4) == "漢  ");
  CHECK(padded_left("ab", 4) == "  ab");
  CHECK(padded_left("abcdef", 4) == "abcdef");
}

TEST_CASE("lines break at spaces, and inside words that are longer than a line", "[reports]") {
  CHECK(wrapped("one two three", 7) == std::vector<std::string>{"one two", "three"});
  CHECK(wrapped("abcdefgh ij", 5) == std::vector<std::string>{"abcde", "fgh", "ij"});
  CHECK(wrapped("漢字漢字", 5) == std::vector<std::string>{"漢字", "漢字"});
  CHECK(wrapped("", 5) == std::vector<std::string>{""});
  for (const std::string& line : wrapped("a  b   c    dddddddddddd  e", 4)) CHECK(columns(line) <= 4);
}

TEST_CASE("characters become bytes", "[reports]") {
  CHECK(bytes_of_characters("aé漢", 0) == 0);
  CHECK(bytes_of_characters("aé漢", 2) == 3);
  CHECK(bytes_of_characters("aé漢", 99) == 6);
  CHECK(bytes_of_characters("\xff" "a", 1) == 1);
}

TEST_CASE("numbers for people", "[reports]") {
  CHECK(short_number(0) == "0");
  CHECK(short_number(17) == "17");
  CHECK(short_number(-8747.0) == "-8,747");
  CHECK(short_number(0.25) == "0.250");
  CHECK(short_number(0.0123) == "0.0123");
  CHECK(short_number(0.00123) == "0.00123");
  CHECK(short_number(0.0000123) == "1.2e-05");
  CHECK(short_number(3.14159) == "3.14");
  CHECK(short_number(-42.25) == "-42.2");
  CHECK(short_number(8747.4) == "8,747");
  CHECK(short_number(1e300) == "1.00e+300");
  CHECK(short_number(std::nan("")) == "NaN");
  CHECK(grouped(-1234567) == "-1,234,567");
  CHECK(grouped(-123) == "-123");
  CHECK(size_text(1023) == "1023 B");
  CHECK(size_text(1689600) == "1.61 MiB");
  CHECK(size_text(int64_t{5} << 40) == "5.00 TiB");
  CHECK(percent_text(0.719) == "71.9%");
  CHECK(counted(1, "flush", "flushes") == "1 flush");
}

TEST_CASE("sparklines show the largest of each share, and what is not finite", "[reports]") {
  const std::vector<double> rising = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  CHECK(sparkline(rising, {9, true}) == " ▁▂▃▄▅▆▇█");
  CHECK(sparkline(rising, {9, false}) == " _.-~=+*#");
  CHECK(sparkline(rising, {3, true}) == "▂▅█");
  CHECK(sparkline(rising, {9, true, false, 16}) == " ▁▁▂▂▃▃▄▄");
  CHECK(sparkline(std::vector<double>{1, std::nan(""), 0}, {3, true}) == "█! ");
  CHECK(sparkline(std::vector<double>{1, 0.01, 0.0001, 1e-9}, {4, true, true}) == "█▄▁▁");
  CHECK(sparkline({}, {9, true}).empty());
}

Table small_table() {
  return {{{"NAME", false}, {"LEAST", true, 0}, {"FIRST", true, 9}, {"NEXT", true, 5}},
          {{{"a-rather-long-name"}, {"1"}, {"2"}, {"3"}}, {{"b"}, {"4"}, {"5", Tone::bad}, {"6"}}}};
}

TEST_CASE("a table that is too wide first loses a column, then its rows' names move up, then more columns go", "[reports]") {
  CHECK(table_lines(small_table(), {40, false, true}) ==
        std::vector<std::string>{"NAME                LEAST  FIRST  NEXT", "a-rather-long-name      1      2     3", "b                       4      5     6"});
  CHECK(table_lines(small_table(), {32, false, true}) ==
        std::vector<std::string>{"NAME                FIRST  NEXT", "a-rather-long-name      2     3", "b                       5     6", "No room here for: LEAST"});
  CHECK(table_lines(small_table(), {20, false, true}) ==
        std::vector<std::string>{"NAME", "  LEAST  FIRST  NEXT", "a-rather-long-name", "      1      2     3", "b", "      4      5     6"});
  CHECK(table_lines(small_table(), {14, false, true}) ==
        std::vector<std::string>{"NAME", "  FIRST  NEXT", "a-rather-long-", "name", "      2     3", "b", "      5     6", "No room here", "for: LEAST"});
}

TEST_CASE("colours stand around text and are not counted", "[reports]") {
  CHECK(table_lines(small_table(), {40, true, true})[2] == "b                       4  \x1b[31m    5\x1b[0m     6");
  CHECK(painted("x", Tone::bad, {40, false, true}) == "x");
}

}  // namespace
}  // namespace kvdiff
