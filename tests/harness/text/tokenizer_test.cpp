#include "harness/text/tokenizer.h"

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/support/expect_error.h"
#include "tests/support/temporary_folder.h"

using namespace kvdiff;
using nlohmann::json;

namespace {

json small() {
  return json::parse(R"({"version": "1.0", "added_tokens": [
    {"id": 5, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
    "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Fuse"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "c": 3, "abc": 4}, "merges": ["a b", ["ab", "c"]]}})");
}

void refused(const json& file, std::initializer_list<const char*> parts) {
  const std::string message = test::message_of(ExitCode::input, [&] { Tokenizer::parse(file.dump()); });
  INFO(message);
  for (const char* part : parts) {
    INFO("expected: " << part);
    CHECK(message.find(part) != std::string::npos);
  }
}

using Ids = std::vector<int32_t>;

}  // namespace

TEST_CASE("merges in both spellings, added tokens, ids and texts", "[text][tokenizer]") {
  const Tokenizer tokenizer = Tokenizer::parse(small().dump());
  CHECK(tokenizer.vocabulary_size() == 6);
  CHECK(tokenizer.encode("abcab<s>ba", false) == Ids{4, 2, 5, 1, 0});
  CHECK(tokenizer.encode("", true).empty());
  CHECK(tokenizer.decode(Ids{4, 5, 0}, false) == "abc<s>a");
  CHECK(tokenizer.decode(Ids{4, 5, 0}, true) == "abca");
  CHECK(tokenizer.decode(Ids{99, -1, 0}, false) == "a");
  CHECK(tokenizer.id("<s>") == 5);
  CHECK(tokenizer.id("abc") == 4);
  CHECK_FALSE(tokenizer.id("zz"));
  CHECK(tokenizer.token(2) == "ab");
  CHECK_FALSE(tokenizer.token(6));
  CHECK(tokenizer.is_special(5));
  CHECK_FALSE(tokenizer.is_special(4));
  CHECK(tokenizer.token_text(4) == "abc");
  CHECK(tokenizer.token_text(77) == "[77]");
}

TEST_CASE("unsound vocabularies and merges are refused, all problems at once", "[text][tokenizer]") {
  json file = small();
  file["model"]["vocab"] = {{"a", 0}, {"b", 2}};
  refused(file, {"holes", "first id without a token is 1"});
  file["model"]["vocab"] = {{"a", 0}, {"b", 0}};
  refused(file, {"id 0 belongs to both", "\"a\"", "\"b\""});
  file["model"]["vocab"] = {{"a", -1}, {"b", 1.5}, {"c", "x"}, {"d", 4294967296}, {"e", 18446744073709551615u}};
  refused(file, {"\"a\"", "-1", "1.5", "\"d\"", "4294967296", "18446744073709551615"});
  file["model"]["vocab"] = {{"a", 16777216}};
  refused(file, {"16777216"});
  file["model"]["vocab"] = json::array();
  refused(file, {"model.vocab"});
  file = small();
  file["model"]["merges"] = {"a x", "b a", "a", "a b c", json::array({"a"}), 7};
  refused(file, {"merge 0", "\"x\"", "merge 1", "\"ba\"", "merge 2", "merge 3", "merge 4", "merge 5"});
}

TEST_CASE("unsound added tokens are refused", "[text][tokenizer]") {
  json file = small();
  file["added_tokens"][0]["id"] = 6;
  refused(file, {"<s>", "the id 6, expected 5", "hole"});
  file["added_tokens"][0]["id"] = 0;
  refused(file, {"<s>", "expected 5"});
  file["added_tokens"][0]["content"] = "a";
  file["added_tokens"][0]["id"] = 3;
  refused(file, {"\"a\" has the id 3, but 0 in model.vocab"});
  file = small();
  file["added_tokens"].push_back(file["added_tokens"][0]);
  refused(file, {"<s>", "listed twice"});
  file = small();
  file["added_tokens"][0]["content"] = "";
  refused(file, {"empty"});
  file["added_tokens"][0].erase("lstrip");
  refused(file, {"added_tokens[0]", "lstrip"});
  file = small();
  file["added_tokens"][0]["color"] = "red";
  refused(file, {"color", "not supported"});
}

TEST_CASE("what is not supported is refused by name", "[text][tokenizer]") {
  const auto with = [](const char* field, const char* value) {
    json file = small();
    file[field] = json::parse(value);
    return file;
  };
  refused(with("normalizer", R"({"type": "BertNormalizer"})"), {"normalizer", "BertNormalizer", "supported: NFC"});
  refused(with("normalizer", R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Precompiled"}]})"),
          {"normalizer.normalizers[1]", "Precompiled"});
  refused(with("normalizer", R"({"type": "Replace", "pattern": {"Regex": "^"}, "content": "x"})"),
          {"Replace", "empty place"});
  refused(with("pre_tokenizer", R"({"type": "UnicodeScripts"})"), {"pre_tokenizer", "UnicodeScripts"});
  refused(with("pre_tokenizer", R"({"type": "Digits", "individual_digits": true, "base": 16})"), {"base", "16"});
  refused(with("pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Odd", "invert": false})"),
          {"Odd", "Isolated"});
  refused(with("pre_tokenizer", R"({"type": "Metaspace", "replacement": "__"})"), {"__", "one character"});
  refused(with("post_processor", R"({"type": "BertProcessing"})"), {"post_processor", "BertProcessing"});
  refused(with("decoder", R"({"type": "WordPiece"})"), {"decoder", "WordPiece"});
  refused(with("truncation", R"({"max_length": 512})"), {"truncation", "null"});
  refused(with("padding", R"({"strategy": "BatchLongest"})"), {"padding", "null"});
  refused(with("version", R"("2.0")"), {"2.0", "1.0"});
  refused(with("extra", R"({})"), {"extra"});
  refused(with("model", R"({"type": "Unigram", "vocab": []})"), {"Unigram", "BPE"});
  json file = small();
  file["model"]["dropout"] = 0.1;
  refused(file, {"dropout", "0.1"});
  file = small();
  json nested = {{"type", "Fuse"}};
  for (int i = 0; i < 40; ++i) nested = {{"type", "Sequence"}, {"decoders", json::array({nested})}};
  file["decoder"] = nested;
  const std::string message = test::message_of(ExitCode::input, [&] { Tokenizer::parse(file.dump()); });
  CHECK(message.find("nested") != std::string::npos);
}

TEST_CASE("components that multiply a text, or are too many, are refused", "[text][tokenizer]") {
  json thousandfold = json::parse(R"({"type": "Replace", "pattern": {"String": "a"}, "content": ""})");
  thousandfold["content"] = std::string(1000, 'a');
  json file = small();
  file["normalizer"] = {{"type", "Sequence"}, {"normalizers", json::array()}};
  for (int i = 0; i < 60; ++i) file["normalizer"]["normalizers"].push_back(thousandfold);
  const Tokenizer tokenizer = Tokenizer::parse(file.dump());
  test::check_refused([&] { tokenizer.encode("a", false); }, "grow");
  for (int i = 0; i < 60; ++i) file["normalizer"]["normalizers"].push_back(thousandfold);
  refused(file, {"normalizer.normalizers[99]", "101st"});
}

TEST_CASE("special tokens of the post-processor must exist", "[text][tokenizer]") {
  json file = small();
  file["post_processor"] =
      json::parse(R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
    {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [5], "tokens": ["<s>"]}}})");
  CHECK(Tokenizer::parse(file.dump()).encode("a", true) == Ids{5, 0});
  CHECK(Tokenizer::parse(file.dump()).encode("a", false) == Ids{0});
  file["post_processor"]["special_tokens"]["<s>"]["ids"] = {6};
  refused(file, {"post_processor", "6"});
  file["post_processor"]["special_tokens"] = json::object();
  refused(file, {"<s>", "special_tokens"});
  file["post_processor"]["single"][1]["Sequence"]["id"] = "B";
  refused(file, {"special_tokens"});
}

TEST_CASE("text that is not UTF-8 and characters without a token", "[text][tokenizer]") {
  json file = small();
  test::check_refused([&] { Tokenizer::parse(file.dump()).encode("ab\xFF", false); }, "byte offset 2");
  CHECK(Tokenizer::parse(file.dump()).encode("azb", false) ==
        Ids{2});  // the peer drops it in silence, and merges across
  file["model"]["unk_token"] = "<none>";
  test::check_refused([&] { Tokenizer::parse(file.dump()).encode("az", false); }, "\"z\"", "<none>");
  file["model"]["unk_token"] = "c";
  CHECK(Tokenizer::parse(file.dump()).encode("azzb", false) == Ids{0, 3, 3, 1});
  file["model"]["fuse_unk"] = true;
  CHECK(Tokenizer::parse(file.dump()).encode("azzb", false) == Ids{0, 3, 1});
  file["model"]["ignore_merges"] = true;
  CHECK(Tokenizer::parse(file.dump()).encode("abc", false) == Ids{4});
}

TEST_CASE("a word of a million characters is one of many", "[text][tokenizer]") {
  const Tokenizer tokenizer = Tokenizer::parse(small().dump());
  std::string word;
  for (int i = 0; i < 500'000; ++i) word += "ab";
  const Ids ids = tokenizer.encode(word, false);
  CHECK(ids == Ids(500'000, 2));
}

TEST_CASE("files: missing, no JSON, repeated keys", "[text][tokenizer]") {
  const test::TemporaryFolder folder;
  CHECK(test::message_of(ExitCode::input, [&] { Tokenizer::load(folder / "none.json"); }).find("none.json") !=
        std::string::npos);
  test::write_text(folder / "tokenizer.json", "{\"version\": ");
  CHECK(test::message_of(ExitCode::input, [&] { Tokenizer::load(folder / "tokenizer.json"); }).find("tokenizer.json") !=
        std::string::npos);
  test::check_refused([] { Tokenizer::parse(R"({"model": {"vocab": {"a": 0, "a": 1}, "merges": []}})"); }, "a",
                      "twice");
  test::check_refused([] { Tokenizer::parse("[]"); }, "object");
  test::check_refused([] { Tokenizer::parse("{}"); }, "model");
}
