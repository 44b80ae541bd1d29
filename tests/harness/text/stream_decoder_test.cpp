#include <nlohmann/json.hpp>

#include "harness/text/tokenizer.h"
#include "tests/catch.h"
#include "tests/support/tiny_tokenizer.h"

using namespace kvdiff;

namespace {

// Bytes 3 ... 258 of the tiny tokenizer, by value.
int32_t byte_id(const Tokenizer& tokenizer, uint8_t byte) {
  for (int32_t id = 3; id < 259; ++id) {
    if (tokenizer.token_bytes(id) == std::string(1, static_cast<char>(byte))) return id;
  }
  FAIL("no token for byte " << int{byte});
  return -1;
}

}  // namespace

TEST_CASE("a stream holds back an unfinished character and no more", "[text][stream]") {
  const Tokenizer tokenizer = Tokenizer::parse(test::tiny_tokenizer_json());
  StreamDecoder stream(tokenizer, false);
  CHECK(stream.push(byte_id(tokenizer, 'a')) == "a");
  CHECK(stream.push(byte_id(tokenizer, 0xE2)).empty());
  CHECK(stream.push(byte_id(tokenizer, 0x82)).empty());
  CHECK(stream.push(byte_id(tokenizer, 0xAC)) == "\xE2\x82\xAC");
  CHECK(stream.push(byte_id(tokenizer, 0xF0)).empty());
  CHECK(stream.push(byte_id(tokenizer, 'b')) ==
        "\xEF\xBF\xBD"
        "b");
  CHECK(stream.push(byte_id(tokenizer, 0xC3)).empty());
  CHECK(stream.finish() == "\xEF\xBF\xBD");
}

TEST_CASE("special tokens are passed over, or part a character like any token", "[text][stream]") {
  const Tokenizer tokenizer = Tokenizer::parse(test::tiny_tokenizer_json());
  const std::vector<int32_t> ids{byte_id(tokenizer, 0xC3), 2, byte_id(tokenizer, 0xA9)};
  CHECK(tokenizer.decode(ids, true) == "\xC3\xA9");
  CHECK(tokenizer.decode(ids, false) == "\xEF\xBF\xBD<|im_end|>\xEF\xBF\xBD");
}

TEST_CASE("bytes of byte fallback wait for their whole run", "[text][stream]") {
  const Tokenizer tokenizer =
      Tokenizer::parse(R"({"model": {"vocab": {"<0xC3>": 0, "<0xA9>": 1, "▁a": 2}, "merges": []},
    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
    {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}})");
  StreamDecoder stream(tokenizer, false);
  CHECK(stream.push(2) == "a");
  CHECK(stream.push(0).empty());
  CHECK(stream.push(1).empty());  // a third byte could still spoil the run: then all three are U+FFFD
  CHECK(stream.push(2) == "\xC3\xA9 a");
  CHECK(stream.push(0).empty());
  CHECK(stream.finish() == "\xEF\xBF\xBD");
  CHECK(tokenizer.token_bytes(0) == "\xC3");
  CHECK(tokenizer.token_bytes(2) == " a");
  CHECK(tokenizer.token_text(0) == "\\xC3");
}
