#include "harness/text/tokenizer.h"
#include "tests/catch.h"
#include "tests/harness/text/golden.h"

using namespace kvdiff;

namespace {

using Ids = std::vector<int32_t>;

std::string streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip_special_tokens) {
  StreamDecoder stream(tokenizer, skip_special_tokens);
  std::string text;
  for (const int32_t id : ids) text += stream.push(id);
  return text + stream.finish();
}

void check_decoding(const Tokenizer& tokenizer, const Ids& ids, bool skip_special_tokens, const std::string& expected) {
  CHECK(tokenizer.decode(ids, skip_special_tokens) == expected);
  CHECK(streamed(tokenizer, ids, skip_special_tokens) == expected);
}

}  // namespace

TEST_CASE("tokenizers of several kinds: the peer's ids and texts", "[text][golden]") {
  const auto golden = text_golden("tokenizers.json");
  size_t compared = 0;
  for (const auto& [name, entry] : golden["tokenizers"].items()) {
    const Tokenizer tokenizer = Tokenizer::parse(entry["tokenizer"].dump());
    REQUIRE(entry["cases"].size() == golden["strings"].size());
    for (size_t i = 0; i < entry["cases"].size(); ++i) {
      const auto text = golden["strings"][i].get<std::string>();
      const auto& expected = entry["cases"][i];
      const bool special = i % 2 == 1;
      INFO(name << ", string " << i << ": " << text);
      const Ids ids = tokenizer.encode(text, special);
      CHECK(ids == expected[0].get<Ids>());
      check_decoding(tokenizer, ids, special, expected[1].is_null() ? text : expected[1].get<std::string>());
      ++compared;
    }
    for (const auto& decoding : entry["decodings"]) {
      INFO(name << ", ids " << decoding[0].dump());
      check_decoding(tokenizer, decoding[0].get<Ids>(), false, decoding[1].get<std::string>());
    }
  }
  CHECK(compared >= 1800);
}

TEST_CASE("components one by one: the peer's normalized text and cuts", "[text][golden]") {
  const auto golden = text_golden("components.json");
  for (const auto& component : golden["components"]) {
    INFO(component["name"] << ": " << component["tokenizer"].dump());
    auto file = component["tokenizer"];
    file["model"] = golden["model"];
    const Tokenizer tokenizer = Tokenizer::parse(file.dump());
    for (const auto& entry : component["cases"]) {
      INFO("text " << entry[0].dump());
      CHECK(tokenizer.encode(entry[0].get<std::string>(), false) == entry[1].get<Ids>());
    }
    for (const auto& decoding : component["decodings"]) {
      INFO("ids " << decoding[0].dump());
      check_decoding(tokenizer, decoding[0].get<Ids>(), false, decoding[1].get<std::string>());
    }
  }
  CHECK(golden["components"].size() >= 300);
}
