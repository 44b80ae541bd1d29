#include "harness/text/split_regex.h"

#include "tests/catch.h"
#include "tests/support/expect_error.h"

using namespace kvdiff;

namespace {

// The matches in brackets.
std::string marked(const char* pattern, std::string_view text) {
  std::string out;
  for (const auto& match : SplitRegex(pattern).find(text)) {
    const std::string part(text.substr(match.begin, match.end - match.begin));
    out += match.is_match ? "[" + part + "]" : part;
  }
  return out;
}

}  // namespace

// The golden file holds the peer's answers for many patterns; these say what each feature is for.
TEST_CASE("regular expressions mean what they mean in Oniguruma", "[text][regex]") {
  CHECK(marked(R"( ?\p{L}+| ?\p{N}+|\s+(?!\S)|\s+)", "ab  cd 12") == "[ab][ ][ cd][ 12]");
  CHECK(marked(R"((?i:'s|'ve))", "'S 'ſ 'VE") == "['S] ['ſ] ['VE]");
  CHECK(marked(R"(\w+)", "é½ _-") == "[é½] [_]-");
  CHECK(marked(R"([\w]+)", "é½ _-") == "[é]½ [_]-");
  CHECK(marked(R"(^a|b$)", "ab\nab\n") == "[a][b]\n[a][b]\n");
  CHECK(marked(R"(a{,2})", "aaa") == "[aa][a]");
  CHECK(marked("", "ab") == "[]a[]b[]");
  CHECK(marked("x*", "axb") == "[]a[x]b[]");
  CHECK(marked(R"(.)", "\n😀") == "\n[😀]");
  CHECK(marked(R"([^\S\s])", "abc") == "abc");
  CHECK(marked(R"((?<=é)x)", "éx ex") == "é[x] ex");
}

TEST_CASE("what would mean something else is refused by name", "[text][regex]") {
  const auto refused = [](const char* pattern, const char* what) {
    test::check_refused([&] { SplitRegex regex(pattern); }, pattern, what);
  };
  refused(R"(a\1)", "\\1");
  refused(R"((?<name>a))", "(?<nam");
  refused(R"((?x: a))", "(?x: a");
  refused(R"(a(?i)b)", "(?i)");
  refused(R"(\p{Klingon})", "Klingon");
  refused(R"(\p{regex_space})", "regex_space");
  refused(R"(\X)", "\\X");
  refused(R"(\G)", "\\G");
  refused("[a[b]]", "inside a character class");
  refused("[a&&b]", "&&");
  refused("[]a]", "empty");
  refused("[z-a]", "range");
  refused(R"([\d-x])", "range");
  refused("(?i:é)", "not ASCII");
  refused("(?i:first)", "fi");
  refused("a**", "nothing can be repeated");
  refused("a{1,2}+", "{1,2}+");
  refused("a{2}?", "{2}?");
  refused("a{3,1}", "{3,1}");
  refused("^*", "nothing can be repeated");
  refused("(a", "unclosed");
  refused("a)", "closing");
  refused("[a", "end");
  refused("\\", "end");
  refused(R"(\xE9)", "\\xE9");
}

TEST_CASE("long texts and deep backtracking end", "[text][regex]") {
  const std::string spaces(1 << 20, ' ');
  CHECK(SplitRegex(R"(\s*[\r\n]+|\s+(?!\S)|\s+)").find(spaces).size() == 1);
  CHECK(SplitRegex(R"((?:a|b)*c)").find(std::string(1 << 16, 'a')).size() >= 1);
  test::check_refused([] { SplitRegex(R"((?:a+)+$)").find(std::string(64, 'a') + "b"); }, "(?:a+)+$", "limit");
}
