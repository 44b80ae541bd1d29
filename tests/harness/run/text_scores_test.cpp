#include "harness/run/text_scores.h"

#include <cmath>
#include <cstring>

#include "cache_backends/kernels/simd.h"
#include "tests/catch.h"
#include "tests/support/engine_fixture.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

std::unique_ptr<Stream> read_prompt(Engine& engine, std::span<const int32_t> tokens) {
  const CacheShape shape = engine.model.shape().cache();
  auto stream = std::make_unique<Stream>(0, Mode::forced, make_cache(parse_cache_spec("full"), shape), shape.layers);
  prefill(engine, *stream, tokens, 0);
  return stream;
}

// By definition: one token after the other, each through a whole prefill, the softmax in long double.
std::vector<double> slowly(Engine& engine, const std::vector<int32_t>& prompt, const std::vector<int32_t>& text) {
  std::vector<double> nll;
  std::vector<int32_t> fed = prompt;
  for (const int32_t token : text) {
    const CacheShape shape = engine.model.shape().cache();
    Stream stream(0, Mode::forced, make_cache(parse_cache_spec("full"), shape), shape.layers);
    const std::vector<float> logits = prefill(engine, stream, fed, 0);
    long double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<long double>(logit));
    nll.push_back(static_cast<double>(std::log(sum) - logits[static_cast<size_t>(token)]));
    fed.push_back(token);
  }
  return nll;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

// Texts of all lengths around what one pass takes, and nothing at all.
std::vector<std::vector<int32_t>> some_texts() {
  return {some_prompt(70, 1), {}, some_prompt(1, 2), some_prompt(64, 3), some_prompt(65, 4), some_prompt(150, 6)};
}

}  // namespace

TEST_CASE("text scores: -ln p of each token, by the definition", "[text_scores]") {
  for (const Dtype dtype : {Dtype::float16, Dtype::float32}) {
    TinyEngine tiny({.dtype = dtype, .threads = 2});
    const std::vector<int32_t> prompt = some_prompt(23);
    const std::vector<std::vector<int32_t>> texts = some_texts();
    const auto stream = read_prompt(tiny.engine(), prompt);
    const auto scores = score_texts(tiny.engine(), *stream, prompt, texts);
    REQUIRE(scores.size() == texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::vector<double> expected = slowly(tiny.engine(), prompt, texts[i]);
      REQUIRE(scores[i].size() == expected.size());
      for (size_t token = 0; token < expected.size(); ++token) CHECK(std::fabs(scores[i][token] - expected[token]) < 1e-12);
    }
  }
}

TEST_CASE("text scores: the bits depend on nothing but prompt and text", "[text_scores]") {
  const std::vector<int32_t> prompt = some_prompt(23);
  const std::vector<std::vector<int32_t>> texts = some_texts();
  TinyEngine one({.dtype = Dtype::float16});
  const auto expected = score_texts(one.engine(), *read_prompt(one.engine(), prompt), prompt, texts);
  TinyEngine three({.dtype = Dtype::float16, .threads = 3});
  std::vector<int32_t> more = prompt;  // a stream that went on
  for (const int32_t token : some_prompt(90, 8)) more.push_back(token);
  const auto stream = read_prompt(three.engine(), more);
  const std::string before = hex_of_layers(stream->digest.key);
  std::vector<std::vector<int32_t>> many;
  for (int i = 0; i < 20; ++i) many.push_back(texts[static_cast<size_t>(i) % texts.size()]);
  const auto among = score_texts(three.engine(), *stream, prompt, many);
  for (size_t i = 0; i < many.size(); ++i) CHECK(same_bits(among[i], expected[i % texts.size()]));
  for (size_t i = 0; i < texts.size(); ++i)
    CHECK(same_bits(score_texts(three.engine(), *stream, prompt, std::span(texts).subspan(i, 1))[0], expected[i]));
  for (const Simd simd : {Simd::scalar, Simd::avx2, Simd::avx512}) {
    if (!supported(simd)) continue;
    set_active_simd(simd);
    const auto by_simd = score_texts(three.engine(), *stream, prompt, texts);
    for (size_t i = 0; i < texts.size(); ++i) CHECK(same_bits(by_simd[i], expected[i]));
  }
  set_active_simd(best_simd());
  CHECK(stream->cache->length(0) == static_cast<int64_t>(more.size()));
  CHECK(hex_of_layers(stream->digest.key) == before);
}

TEST_CASE("text scores: a prompt of one token", "[text_scores]") {
  TinyEngine tiny;
  const std::vector<int32_t> prompt = {7};
  const std::vector<std::vector<int32_t>> texts = {{1, 2, 3}};
  const auto scores = score_texts(tiny.engine(), *read_prompt(tiny.engine(), prompt), prompt, texts);
  const std::vector<double> expected = slowly(tiny.engine(), prompt, texts[0]);
  for (size_t i = 0; i < 3; ++i) CHECK(std::fabs(scores[0][i] - expected[i]) < 1e-12);
}
