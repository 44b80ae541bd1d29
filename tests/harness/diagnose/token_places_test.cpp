#include "harness/diagnose/token_places.h"

#include "harness/diagnose/diagnose.h"
#include "harness/lifecycle/tape.h"
#include "tests/catch.h"
#include "tests/harness/diagnose/tiny_folder.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

Material material_of_length(int64_t prompt, int64_t tokens) {
  const CacheShape shape{2, 1, 2, 16, Dtype::float16};
  DrawnText text = drawn_text(shape, tokens, 4);
  return {shape, prompt, tokens, std::move(text.key), std::move(text.value)};
}

std::vector<TokenRange> flushes(const std::string& spec, int64_t prompt, int64_t tokens, const Part& part = {1, Side::value, -1}) {
  return flushes_of(parse_cache_spec(spec), material_of_length(prompt, tokens), part);
}

const TokenScore* find(const TokenFinding& found, const std::string& name) {
  for (const TokenScore& one : found.scores)
    if (one.name == name) return &one;
  return nullptr;
}

}  // namespace

TEST_CASE("tokens: each flush by the tokens that it was the first to encode", "[diagnose]") {
  using Ranges = std::vector<TokenRange>;
  CHECK(flushes("hqq:bits=4,group=16,residual=4", 10, 11) == Ranges{{0, 9}});
  // `hf` encodes everything again when the residual is full; attention reads that one update later.
  const Ranges hf = flushes("hqq:bits=4,group=16,residual=4", 10, 24);
  REQUIRE(hf.size() > 2);
  CHECK(hf[0] == TokenRange{0, 9});
  for (size_t i = 1; i < hf.size(); ++i) CHECK(hf[i].first == hf[i - 1].second + 1);
  CHECK(hf.back().second < 24);
  const Ranges streaming = flushes("hqq:bits=4,group=16,residual=4,schedule=streaming", 10, 24);
  REQUIRE(streaming.size() > 2);
  CHECK(streaming[0].first == 0);
  for (size_t i = 1; i < streaming.size(); ++i) CHECK(streaming[i].first == streaming[i - 1].second + 1);
  CHECK(flushes("hqq:bits=4,group=16,residual=40,schedule=streaming", 10, 24).empty());
  CHECK(flushes("k=hqq:bits=4,group=16,residual=4/v=full", 10, 24).empty());
  CHECK_FALSE(flushes("k=hqq:bits=4,group=16,residual=4/v=full", 10, 24, {0, Side::key, -1}).empty());
}

TEST_CASE("tokens: before anything is flushed it is the prompt's codes, and they are the whole", "[diagnose]") {
  const TinyFolder tiny;
  const Diagnosis found = diagnose(tiny.ask("hqq:bits=2,group=16,residual=128", 30), {}, {}, {});
  INFO(diagnosis_json(found));
  const TokenScore* prompt = find(found.tokens, "the prompt (flush 0)");
  REQUIRE(prompt);
  CHECK(prompt->tokens == TokenRange{0, static_cast<int64_t>(found.prompt.token_ids.size()) - 1});
  CHECK(find(found.tokens, "the first token"));
  CHECK_FALSE(find(found.tokens, "the generated tokens"));
  if (found.tokens.everything) {
    CHECK(*prompt->recovery == 1.0);
    CHECK(*prompt->alone == 1.0);
  } else {
    CHECK(*prompt->recovery == found.place.set.recovery);
    CHECK(*prompt->alone == *found.company.alone);
  }
  CHECK(*find(found.tokens, "the first token")->recovery < 1.0);
}

TEST_CASE("tokens: flush by flush, the prompt and the generated text are told apart", "[diagnose]") {
  const TinyFolder tiny;
  const Diagnosis found = diagnose(tiny.ask("hqq:bits=2,group=16,residual=4", 40), {}, {}, {});
  INFO(diagnosis_json(found));
  for (const char* name : {"the prompt (flush 0)", "the generated tokens", "flush 1", "flush 2"}) {
    const TokenScore* one = find(found.tokens, name);
    REQUIRE(one);
    CHECK(one->recovery.has_value());
    CHECK(one->alone.has_value());
  }
  CHECK(find(found.tokens, "flush 1")->tokens.first == static_cast<int64_t>(found.prompt.token_ids.size()));
  CHECK(find(found.tokens, "the generated tokens")->alone > 0.0);
}
