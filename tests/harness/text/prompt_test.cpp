#include "harness/text/prompt.h"

#include "harness/text/messages.h"
#include "harness/text/token_id_list.h"
#include "tests/catch.h"
#include "tests/harness/text/golden.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_tokenizer.h"

using namespace kvdiff;
using test::check_refused;
using test::message_of;

namespace {

TextModel model_with(std::optional<std::string> chat_template) {
  TextModel model{
      Tokenizer::parse(test::tiny_tokenizer_json()), {"<|im_start|>", "<|im_end|>"}, std::move(chat_template), {}, ""};
  if (model.chat_template) model.recognised = recognise_chat_template(*model.chat_template);
  return model;
}

TextModel smollm2() { return model_with(text_golden("chat.json")["formats"][0]["template"].get<std::string>()); }

PromptRequest chat(const char* text) {
  PromptRequest request;
  request.chat = text;
  return request;
}

constexpr int64_t vocabulary = 320;

}  // namespace

TEST_CASE("a chat prompt is written in the model's own format", "[text][prompt]") {
  const TextModel model = smollm2();
  PromptRequest request = chat("Hi");
  Prompt prompt = load_prompt(request, model, vocabulary);
  CHECK(prompt.format == "smollm2");
  CHECK(prompt.text ==
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  CHECK(prompt.token_ids == model.tokenizer.encode(prompt.text, false));
  CHECK(prompt.token_ids[0] == 1);
  CHECK(prompt.warnings.empty());
  request.system = "Be brief.";
  CHECK(load_prompt(request, model, vocabulary).text ==
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST_CASE("a template that is missing, unknown or changed is told", "[text][prompt]") {
  const auto warning = [](const TextModel& model, const PromptRequest& request) {
    const Prompt prompt = load_prompt(request, model, vocabulary);
    REQUIRE(prompt.warnings.size() == 1);
    return prompt.format + ": " + prompt.warnings[0];
  };
  CHECK(warning(model_with(std::nullopt), chat("Hi")).find("chatml: the model has no chat template") == 0);
  CHECK(warning(model_with("{{ x }}"), chat("Hi")).find("chatml: the model's chat template is not known") == 0);
  CHECK(warning(model_with("<|im_start|><|im_end|>"), chat("Hi"))
            .find("chatml: the model's chat template looks like chatml") == 0);
  PromptRequest request = chat("Hi");
  request.chat_format = "zephyr";
  CHECK(warning(smollm2(), request)
            .find("zephyr: the conversation is written as zephyr, but the model's own chat template is smollm2") == 0);
  PromptRequest plain;
  plain.text = "Hi";
  CHECK(warning(smollm2(), plain).find("plain: the model has a chat template (smollm2)") == 0);
}

TEST_CASE("plain text from argument and file", "[text][prompt]") {
  const TextModel model = model_with(std::nullopt);
  const test::TemporaryFolder folder;
  test::write_text(folder / "prompt.txt", "Hello there");
  PromptRequest given, file;
  given.text = "Hello there";
  file.file = (folder / "prompt.txt").string();
  CHECK(load_prompt(given, model, vocabulary).token_ids == load_prompt(file, model, vocabulary).token_ids);
  CHECK(load_continuation(*file.file, model) == model.tokenizer.encode("Hello there", false));
  test::write_text(folder / "prompt.txt", "Hello there\n");
  CHECK(load_prompt(file, model, vocabulary).warnings.size() == 1);
  test::write_text(folder / "prompt.txt", "Hello \xFF");
  check_refused([&] { load_prompt(file, model, vocabulary); }, "prompt.txt", "byte offset 6");
  check_refused([&] { load_continuation(*file.file, model); }, "byte offset 6");
  test::write_text(folder / "prompt.txt", "");
  check_refused([&] { load_prompt(file, model, vocabulary); }, "empty");
  check_refused([&] { load_continuation(*file.file, model); }, "empty");
  file.file = (folder / "missing.txt").string();
  CHECK(message_of(ExitCode::io, [&] { load_prompt(file, model, vocabulary); }).find("missing.txt") !=
        std::string::npos);
  file.file = folder.path().string();
  message_of(ExitCode::io, [&] { load_prompt(file, model, vocabulary); });
}

TEST_CASE("exactly one source, and options that go with it", "[text][prompt]") {
  const TextModel model = model_with(std::nullopt);
  PromptRequest request;
  CHECK(message_of(ExitCode::usage, [&] { load_prompt(request, model, vocabulary); }).find("no prompt") !=
        std::string::npos);
  request.text = "a";
  request.chat = "b";
  CHECK(message_of(ExitCode::usage, [&] { load_prompt(request, model, vocabulary); }).find("--prompt, --chat") !=
        std::string::npos);
  request.chat.reset();
  request.system = "c";
  CHECK(message_of(ExitCode::usage, [&] { load_prompt(request, model, vocabulary); }).find("--system") !=
        std::string::npos);
  request.system.reset();
  request.chat_format = "chatml";
  message_of(ExitCode::usage, [&] { load_prompt(request, model, vocabulary); });
  request = chat("a");
  request.chat_format = "klingon";
  message_of(ExitCode::usage, [&] { load_prompt(request, model, vocabulary); });
  check_refused([&] { load_prompt(chat(""), model, vocabulary); }, "empty");
  check_refused([&] { load_prompt(chat("\xC3"), model, vocabulary); }, "byte offset 0");
}

TEST_CASE("token ids from argument and file", "[text][prompt]") {
  const TextModel model = model_with(std::nullopt);
  const test::TemporaryFolder folder;
  test::write_text(folder / "ids", "[3, 4,\n5]\n");
  PromptRequest request;
  request.token_ids = "@" + (folder / "ids").string();
  const Prompt prompt = load_prompt(request, model, vocabulary);
  CHECK(prompt.token_ids == std::vector<int32_t>{3, 4, 5});
  CHECK(prompt.format == "token-ids");
  CHECK(prompt.text == model.tokenizer.decode(prompt.token_ids, false));
  CHECK(parse_token_ids(" 1 2,3\t", 4) == std::vector<int32_t>{1, 2, 3});
  check_refused([] { parse_token_ids("1,4,x,-1,99999999999999999999,1.5", 4); }, "number 2: 4", "number 3: 'x'",
                "number 4: -1", "number 5: 99999999999999999999", "number 6: '1.5'", "0 to 3");
  request.token_ids = " , ";
  check_refused([&] { load_prompt(request, model, vocabulary); }, "empty");
  request.token_ids = "320";
  check_refused([&] { load_prompt(request, model, vocabulary); }, "320");
}

TEST_CASE("a tokenizer that knows more tokens than the model is found out", "[text][prompt]") {
  PromptRequest request;
  request.text = "zebra";
  check_refused([&] { load_prompt(request, model_with(std::nullopt), 4); }, "do not belong together");
}

TEST_CASE("messages: roles and contents, nothing else", "[text][prompt]") {
  const auto messages =
      parse_messages(R"([{"role": "system", "content": ""}, {"content": "Hi", "role": "user"}])", "m.json");
  REQUIRE(messages.size() == 2);
  CHECK(messages[1].content == "Hi");
  const auto refused = [](const char* json, const char* what) {
    check_refused([&] { parse_messages(json, "m.json"); }, "m.json", what);
  };
  refused("[]", "no message");
  refused("{}", "messages are");
  refused("[1]", "message 1");
  refused(R"([{"role": "user"}])", "content");
  refused(R"([{"role": "user", "content": ["a"]}])", "content");
  refused(R"([{"role": "user", "content": "a", "tool_calls": []}])", "tool_calls");
  refused("[", "m.json");
  refused("[\xFF]", "byte offset 1");
}

TEST_CASE("a messages file gives the whole conversation", "[text][prompt]") {
  const test::TemporaryFolder folder;
  test::write_text(
      folder / "m.json",
      R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}])");
  PromptRequest request;
  request.messages_file = (folder / "m.json").string();
  request.chat_format = "chatml";
  CHECK(load_prompt(request, model_with(std::nullopt), vocabulary).text ==
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>"
        "assistant\n");
}
