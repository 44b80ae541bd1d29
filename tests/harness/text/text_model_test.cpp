#include "harness/text/text_model.h"

#include "tests/catch.h"
#include "tests/harness/text/golden.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_tokenizer.h"

using namespace kvdiff;

namespace {

ModelFolder folder_of(const test::TemporaryFolder& folder) {
  ModelFolder out;
  out.path = folder.path();
  out.tokenizer = folder / "tokenizer.json";
  test::write_text(out.tokenizer, test::tiny_tokenizer_json());
  return out;
}

}  // namespace

TEST_CASE("the template file comes before the one in the config", "[text][text_model]") {
  const test::TemporaryFolder temporary;
  ModelFolder folder = folder_of(temporary);
  CHECK_FALSE(load_text_model(folder).chat_template);
  const std::string alone = load_text_model(folder).digest;
  folder.tokenizer_config = temporary / "tokenizer_config.json";
  test::write_text(*folder.tokenizer_config, R"({"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>",
    "chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "<|im_start|> <|im_end|>"}]})");
  TextModel model = load_text_model(folder);
  CHECK(model.turn_tokens.begin == "<s>");
  CHECK(model.turn_tokens.end == "</s>");
  CHECK(model.chat_template == "<|im_start|> <|im_end|>");
  REQUIRE(model.recognised);
  CHECK(model.recognised->format->name == "chatml");
  CHECK(model.digest != alone);
  folder.chat_template = temporary / "chat_template.jinja";
  test::write_text(*folder.chat_template, text_golden("chat.json")["formats"][5]["template"].get<std::string>());
  CHECK(load_text_model(folder).recognised->format->name == "zephyr");
  test::write_text(*folder.chat_template, "a\xFF");
  test::check_refused([&] { load_text_model(folder); }, "chat template", "byte offset 1");
  test::write_text(*folder.tokenizer_config, R"({"bos_token": 7})");
  test::check_refused([&] { load_text_model(folder); }, "bos_token", "7");
}
