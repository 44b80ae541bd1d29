#include "harness/text/chat_format.h"

#include "tests/catch.h"
#include "tests/harness/text/golden.h"
#include "tests/support/expect_error.h"

using namespace kvdiff;
using kvdiff::test::check_refused;
using kvdiff::test::message_of;

namespace {

std::vector<ChatMessage> messages_of(const nlohmann::json& json) {
  std::vector<ChatMessage> messages;
  for (const auto& message : json) messages.push_back({message["role"], message["content"]});
  return messages;
}

}  // namespace

TEST_CASE("chat formats render as transformers renders the published templates", "[text][chat]") {
  const auto golden = text_golden("chat.json");
  const TurnTokens tokens{golden["begin"], golden["end"]};
  size_t refused = 0;
  for (const auto& entry : golden["formats"]) {
    const ChatFormat& format = find_chat_format(entry["name"].get<std::string>());
    for (const auto& rendering : entry["renderings"]) {
      INFO(format.name << ": " << rendering["messages"].dump());
      const auto messages = messages_of(rendering["messages"]);
      const bool prompt = rendering["add_generation_prompt"];
      if (rendering["text"].is_null()) {
        CHECK_THROWS_AS(render_chat(format, messages, tokens, prompt), UserError);
        ++refused;
      } else {
        CHECK(render_chat(format, messages, tokens, prompt) == rendering["text"].get<std::string>());
      }
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("published templates are recognised, whichever way they write a line break", "[text][chat]") {
  for (const auto& entry : text_golden("chat.json")["formats"]) {
    const auto text = entry["template"].get<std::string>();
    std::string broken = text;
    for (size_t at = broken.find("\\n"); at != std::string::npos; at = broken.find("\\n")) broken.replace(at, 2, "\n");
    for (const std::string& spelling : {text, broken, text + "\n"}) {
      const auto found = recognise_chat_template(spelling);
      REQUIRE(found);
      CHECK(found->format->name == entry["name"].get<std::string>());
      CHECK(found->exact);
    }
  }
}

TEST_CASE("a template that was changed is recognised by its marks, not as exact", "[text][chat]") {
  for (const auto& entry : text_golden("chat.json")["formats"]) {
    const auto found = recognise_chat_template("{# changed #}" + entry["template"].get<std::string>());
    REQUIRE(found);
    CHECK(found->format->name == entry["name"].get<std::string>());
    CHECK_FALSE(found->exact);
  }
  CHECK_FALSE(recognise_chat_template("{{ messages[0]['content'] }}"));
  CHECK_FALSE(recognise_chat_template(""));
}

TEST_CASE("roles that a format does not know, and empty conversations, are refused", "[text][chat]") {
  const std::vector<ChatMessage> robot{{"robot", "beep"}}, system{{"system", "be brief"}}, none;
  const auto render = [](const char* name, const std::vector<ChatMessage>& messages) {
    return [=] { render_chat(find_chat_format(name), messages, {}, true); };
  };
  check_refused(render("chatml", robot), "'robot'", "chatml", "assistant");
  check_refused(render("mistral", system), "'system'", "mistral");
  check_refused(render("mistral", {{"assistant", "a"}}), "user first");
  check_refused(render("smollm2", none), "no message");
  const std::string unknown = message_of(ExitCode::usage, [] { find_chat_format("chatlm"); });
  CHECK(unknown.find("did you mean chatml?") != std::string::npos);
  CHECK(unknown.find("smollm2, qwen2") != std::string::npos);
}
