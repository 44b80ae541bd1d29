#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "harness/model/kernels/kernels.h"
#include "harness/model/matrix.h"
#include "harness/oracle/float64.h"
#include "tests/catch.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/random.h"

using namespace kvdiff;
using namespace kvdiff::test;

namespace {

constexpr double unit = 0x1p-24;  // half an ulp of 1 in float32: the largest relative error of one rounding

at::Tensor float64(const std::vector<float>& values, at::IntArrayRef shape) {
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).to(at::kDouble);
}

// A chain of n fused multiply-adds in chunks: every term passes at most chunk + chunks roundings (Higham, section 3.1).
double chain_bound(int64_t terms) {
  const double roundings = static_cast<double>(std::min(terms, reduction_chunk) + terms / reduction_chunk + 1);
  return roundings * unit / (1 - roundings * unit);
}

}  // namespace

TEST_CASE("oracle: linear layers lie within the bound of their chains", "[oracle]") {
  Random random(21);
  ThreadPool pool(1);
  for (const int64_t inputs : {7, 256, 576, 1536}) {
    const int64_t outputs = 48, rows = 5;
    std::vector<float> weights;
    WeightMatrix matrix(outputs, inputs, Dtype::float32, [&](int64_t, std::span<float> row) {
      for (float& value : row) weights.push_back(value = random.normal());
    }, pool);
    const std::vector<float> x = random.normals(rows * inputs);
    std::vector<float> y(static_cast<size_t>(rows * outputs));
    matrix.multiply(x, rows, y, pool);
    const at::Tensor w = float64(weights, {outputs, inputs}).t(), in = float64(x, {rows, inputs});
    const at::Tensor error = (float64(y, {rows, outputs}) - at::matmul(in, w)).abs();
    const at::Tensor bound = chain_bound(inputs) * at::matmul(in.abs(), w.abs());
    CHECK((error <= bound).all().item<bool>());
    CHECK(error.max().item<double>() > 0);  // a float64 copy of our own numbers would prove nothing
  }
}

TEST_CASE("oracle: attention lies within its bound of SDPA in float64", "[oracle]") {
  Random random(22);
  for (const int64_t tokens : {1, 17, 64, 300, 700}) {
    const AttentionShape shape{6, 2, 64, 0.125f, Dtype::float32, false};
    const std::vector<float> q = random.normals(6 * 64), k = random.normals(2 * tokens * 64),
                             v = random.normals(2 * tokens * 64);
    auto cache = make_cache(parse_cache_spec("full"), {1, 1, 2, 64, Dtype::float32});
    cache->append(0, {k, v, tokens});
    AttentionScratch scratch;
    std::vector<float> logits(static_cast<size_t>(6 * tokens)), probs(logits.size());
    const AttentionMaps maps{logits.data(), probs.data()};
    std::vector<float> out(6 * 64);
    attend_one(shape, cache->pages(0), q.data(), scratch, maps, out.data());

    const at::Tensor query = float64(q, {1, 6, 1, 64});
    const at::Tensor key = float64(k, {1, 2, tokens, 64}).repeat_interleave(3, 1);
    const at::Tensor value = float64(v, {1, 2, tokens, 64}).repeat_interleave(3, 1);
    const at::Tensor exact = at::scaled_dot_product_attention(query, key, value);
    // Scores are off by at most `score`; exp multiplies the weights by at most e^(2 score), and has 2 units of its own.
    const double largest = at::matmul(query.abs(), key.abs().transpose(2, 3)).max().item<double>() * 0.125;
    const double score = (chain_bound(64) + unit) * largest;
    const double relative = std::expm1(2 * score) + 4 * unit + 2 * chain_bound(tokens) + 2 * unit;
    const double bound = relative * value.abs().max().item<double>();
    CHECK((float64(out, {1, 6, 1, 64}) - exact).abs().max().item<double>() <= bound);
  }
}

TEST_CASE("oracle: whole models agree with ATen in float64, and 16-bit types by as much less as their epsilon", "[oracle]") {
  TinyLlama variants[4];
  variants[1].heads = 8, variants[1].kv_heads = 1, variants[1].tied = false;
  variants[2].attention_bias = variants[2].mlp_bias = true;
  variants[3].rope = R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                        "original_max_position_embeddings": 64})";
  for (const TinyLlama& model : variants) {
    const std::vector<int32_t> tokens = some_prompt(120);
    for (const auto& [dtype, epsilon] : {std::pair{Dtype::float32, 0x1p-24}, std::pair{Dtype::float16, 0x1p-11},
                                         std::pair{Dtype::bfloat16, 0x1p-8}}) {
      TinyEngine tiny({.tiny = model, .dtype = dtype});
      const CacheShape shape = tiny.engine().model.shape().cache();
      Stream stream(0, Mode::forced, make_cache(parse_cache_spec("full"), shape), shape.layers);
      const std::vector<float> logits = prefill(tiny.engine(), stream, tokens, 0);
      Float64Oracle oracle(tiny.files(), dtype, 1);
      oracle.run(tokens);
      const std::vector<double> exact = oracle.logits(119);
      double error = 0, largest = 0;
      for (size_t i = 0; i < exact.size(); ++i) {
        error = std::max(error, std::fabs(exact[i] - static_cast<double>(logits[i])));
        largest = std::max(largest, std::fabs(exact[i]));
      }
      // Roundings on the longest way through: per layer two norms, four projections, attention, MLP; each of relative
      // size epsilon, and norms may double what reached them. float32 sums add the square root of their length.
      const double ways = 16.0 * static_cast<double>(model.layers) * (dtype == Dtype::float32 ? std::sqrt(256.0) : 1.0);
      INFO("dtype " << name_of(dtype) << " error " << error << " of " << largest);
      CHECK(error <= ways * epsilon * largest);
      CHECK(error > 0);
    }
  }
}
