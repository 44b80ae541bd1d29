#include "harness/text/tokenize_lines.h"

#include <sstream>

#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/tiny_tokenizer.h"

using namespace kvdiff;

namespace {

std::string answers(const std::string& questions) {
  std::istringstream in(questions);
  std::ostringstream out;
  tokenize_lines(Tokenizer::parse(test::tiny_tokenizer_json()), in, out, {});
  return out.str();
}

}  // namespace

TEST_CASE("strings become ids and ids strings, line by line", "[text][tokenize]") {
  const std::string ids = answers("\"<|im_start|>H\\u00e9\\n\"\n\n[2]\r\n");
  CHECK(ids.find("[1,") == 0);
  CHECK(ids.find("\n\"<|im_end|>\"\n") != std::string::npos);
  const std::string line = ids.substr(0, ids.find('\n') + 1);
  CHECK(answers(line) == "\"<|im_start|>H\xC3\xA9\\n\"\n");
  CHECK(answers("[]\n\"\"\n") == "\"\"\n[]\n");
}

TEST_CASE("a line that is neither is named", "[text][tokenize]") {
  test::check_refused([] { answers("\"a\"\n7\n"); }, "line 2", "7");
  test::check_refused([] { answers("[1.5]"); }, "line 1", "1.5");
  test::check_refused([] { answers("[-1]"); }, "-1");
  test::check_refused([] { answers("\"a"); }, "line 1");
}
