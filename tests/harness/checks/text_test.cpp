// Faults planted into tokenizer and prompt, each found by its check.
#include "tests/catch.h"
#include "tests/harness/checks/planted_model.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

using Ids = std::vector<std::string>;
using Json = nlohmann::json;

Ids after(const char* file, const std::function<void(Json&)>& change, bool chat = false) {
  const PlantedModel model;
  if (chat) model.add_chat_template();
  model.edit(file, change);
  const auto findings = model.file_findings();
  UNSCOPED_INFO(all_text(findings));
  return failed_ids(findings);
}

// "<|im_start|>" (id 1) so many times in front of each text.
Json begins_with_bos(int times) {
  Json single = Json::array();
  for (int i = 0; i < times; ++i) single.push_back({{"SpecialToken", {{"id", "<|im_start|>"}, {"type_id", 0}}}});
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  const Json token = {{"id", "<|im_start|>"}, {"ids", {1}}, {"tokens", {"<|im_start|>"}}};
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", Json::array()}, {"special_tokens", {{"<|im_start|>", token}}}};
}

struct Question {
  PlantedModel model;
  ReferenceFacts facts;
  Ids ask(const PromptRequest& request, int64_t tokens = 32) {
    const CheckedFolder read = model.read();
    const Prompt prompt = load_prompt(request, *read.text, 320);
    const auto findings = run_checks({read, AskedPrompt{prompt, tokens}, &facts});
    UNSCOPED_INFO(all_text(findings));
    return failed_ids(findings);
  }
};

PromptRequest plain(std::string text) {
  PromptRequest request;
  request.text = std::move(text);
  return request;
}
PromptRequest chat(std::string text) {
  PromptRequest request;
  request.chat = std::move(text);
  return request;
}
PromptRequest ids(std::string list) {
  PromptRequest request;
  request.token_ids = std::move(list);
  return request;
}

}  // namespace

TEST_CASE("checks: a tokenizer that the model does not know is found", "[checks]") {
  CHECK(after("config.json", [](Json& c) { c["vocab_size"] = 300; }) == Ids{"weights.shapes", "config.vocabulary", "tokenizer.ids"});
  CHECK(after("tokenizer.json", [](Json& t) { t["model"]["type"] = "Unigram"; }) == Ids{"tokenizer.readable"});
}

TEST_CASE("checks: missing merges of a large vocabulary are found", "[checks]") {
  const auto enlarge = [](Json& t) {
    for (int i = 320; i < 5000; ++i) t["model"]["vocab"]["word" + std::to_string(i)] = i;
  };
  const Ids ids = after("tokenizer.json", enlarge);
  CHECK(std::find(ids.begin(), ids.end(), "tokenizer.merges") != ids.end());
}

TEST_CASE("checks: special tokens in pieces, and text that does not come back, are found", "[checks]") {
  CHECK(after("tokenizer_config.json", [](Json& c) { c["eos_token"] = "<|eot_id|>"; }) == Ids{"tokenizer.special"});
  const Json drops = {{"type", "Replace"}, {"pattern", {{"String", "e"}}}, {"content", ""}};
  CHECK(after("tokenizer.json", [&](Json& t) { t["normalizer"] = drops; }) == Ids{"tokenizer.round_trip"});
}

TEST_CASE("checks: the beginning-of-sequence token twice, or not at all, is found", "[checks]") {
  CHECK(after("tokenizer.json", [](Json& t) { t["post_processor"] = begins_with_bos(1); }) == Ids{});
  CHECK(after("tokenizer.json", [](Json& t) { t["post_processor"] = begins_with_bos(2); }) == Ids{"tokenizer.begin"});
  CHECK(after("tokenizer_config.json", [](Json& c) { c["add_bos_token"] = true; }) == Ids{"tokenizer.begin"});
}

TEST_CASE("checks: an end that cannot be reached is found", "[checks]") {
  CHECK(after("generation_config.json", [](Json& g) { g.erase("eos_token_id"); }) == Ids{"tokenizer.end"});
  CHECK(after("generation_config.json", [](Json& g) { g["eos_token_id"] = 100000; }).back() == "tokenizer.end");
  CHECK(after("generation_config.json", [](Json& g) { g["eos_token_id"] = 0; }) == Ids{});
  CHECK(after("generation_config.json", [](Json& g) { g["eos_token_id"] = 0; }, true) == Ids{"tokenizer.end"});
}

TEST_CASE("checks: a generation config that cannot be read is found", "[checks]") {
  CHECK(after("generation_config.json", [](Json& g) { g["eos_token_id"] = "two"; }) == Ids{"config.readable"});
}

TEST_CASE("checks: sound questions fail none", "[checks]") {
  Question base;
  CHECK(base.ask(plain("The cat sat on the mat.")) == Ids{});
  Question taught;
  taught.model.add_chat_template();
  CHECK(taught.ask(chat("Hello")) == Ids{});
  CHECK(taught.ask(plain("The cat sat")) == Ids{});
  CHECK(taught.ask(plain("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n")) == Ids{});
  CHECK(taught.ask(plain("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nWell,")) == Ids{});
}

TEST_CASE("checks: the wrong template, and turns that open no answer, are found", "[checks]") {
  Question taught;
  taught.model.add_chat_template();
  CHECK(taught.ask(plain("[INST] Hello [/INST]")) == Ids{"prompt.markup"});
  CHECK(taught.ask(plain("<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>")) == Ids{"prompt.markup"});
  CHECK(taught.ask(plain("<|im_start|>user\nHello<|im_end|>\n")) == Ids{"prompt.answer"});
}

TEST_CASE("checks: a chat model that goes wrong on raw text, and a base model given turns, are found", "[checks]") {
  Question taught;
  taught.model.add_chat_template();
  taught.facts.gibberish = "loop";
  taught.facts.gibberish_onset = 12;
  CHECK(taught.ask(plain("The cat sat")) == Ids{"prompt.turns"});
  CHECK(taught.ask(chat("The cat sat")) == Ids{});
  Question base;
  CHECK(base.ask(chat("Hello")) == Ids{"prompt.turns"});
}

TEST_CASE("checks: token ids that begin twice, or without the token that all texts begin with, are found", "[checks]") {
  Question one;
  one.model.edit("tokenizer.json", [](Json& t) { t["post_processor"] = begins_with_bos(1); });
  CHECK(one.ask(ids("1,40,50")) == Ids{});
  CHECK(one.ask(ids("1,1,40,50")) == Ids{"prompt.begin"});
  CHECK(one.ask(ids("40,50")) == Ids{"prompt.begin"});
  CHECK(one.ask(plain("The cat")) == Ids{});
}

TEST_CASE("checks: more positions than trained are found", "[checks]") {
  Question one;
  CHECK(one.ask(plain("abc"), 500) == Ids{});
  CHECK(one.ask(plain("abc"), 512) == Ids{"positions.length"});
}
