#include <fmt/format.h>
#include <unistd.h>

#include "cache_backends/error.h"
#include "harness/run/prepare.h"

namespace kvdiff {
namespace {

// Multiplications with addition that one thread does in a second, as measured on small machines: for a rough figure.
constexpr double multiplications_per_second = 2.0e10;

struct Counts {
  double weights = 0, streams = 0, tokens = 0;
};

double weights_of(const ModelConfig& c) {
  const double attention = static_cast<double>(c.hidden_size * c.head_size * (2 * c.heads + 2 * c.kv_heads));
  const double mlp = 3.0 * static_cast<double>(c.hidden_size * c.intermediate_size);
  const double head = static_cast<double>(c.vocabulary_size * c.hidden_size);
  return static_cast<double>(c.layers) * (attention + mlp) + head * (c.tie_word_embeddings ? 1 : 2);
}

double streams_of(const Case& run) {
  double per_candidate = 0;
  for (const std::string& mode : run.modes) per_candidate += mode == "local" || mode == "forced" || mode == "free";
  return 2 + per_candidate * static_cast<double>(run.caches.size());
}

int64_t bytes_of(const ModelConfig& c, const Counts& counts, Dtype dtype) {
  const double kv = 2.0 * static_cast<double>(c.layers * c.kv_heads * c.head_size) * counts.tokens;
  const double width = static_cast<double>(size_of(dtype));
  const double weights = counts.weights * (c.dtype ? static_cast<double>(size_of(*c.dtype)) : width);
  const double logits = counts.streams * static_cast<double>(c.vocabulary_size) * 4;
  return static_cast<int64_t>(weights + counts.streams * kv * width + logits + 2e8);
}

double seconds_of(const ModelConfig& c, const Counts& counts, double steps, int threads) {
  const double attention = static_cast<double>(2 * c.layers * c.heads * c.head_size) * counts.tokens;
  const double all = counts.streams * steps * (counts.weights + attention) + 3 * counts.tokens * counts.weights;
  return all / (multiplications_per_second * threads);
}

}  // namespace

RunEstimate estimate_case(const Case& run, const RunPlace& place) { return estimate_case(run, prepare(run, place)); }

RunEstimate estimate_case(const Case& run, const Prepared& ready) {
  const auto prompt = static_cast<int64_t>(ready.prompt.token_ids.size());
  const Counts counts{weights_of(ready.files.config), streams_of(run), static_cast<double>(prompt + run.tokens)};
  return {bytes_of(ready.files.config, counts, ready.dtype),
          seconds_of(ready.files.config, counts, static_cast<double>(run.tokens), ready.pool->threads()), prompt,
          run.tokens, static_cast<int64_t>(run.caches.size()) + 2};
}

void check_memory(const RunEstimate& estimate) {
  const int64_t machine = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  if (estimate.bytes <= machine) return;
  throw UserError(ExitCode::environment,
                  fmt::format("this run needs about {:.1f} GB and the machine has {:.1f} GB: ask for fewer candidates, "
                              "fewer tokens or fewer modes", static_cast<double>(estimate.bytes) / 1e9,
                              static_cast<double>(machine) / 1e9));
}

}  // namespace kvdiff
