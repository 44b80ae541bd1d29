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

double streams_of_one(const Case& run) {
  double streams = 0;
  for (const std::string& mode : run.modes) streams += mode == "local" || mode == "forced" || mode == "free";
  return streams;
}

double streams_of(const Case& run) { return 2 + streams_of_one(run) * static_cast<double>(run.caches.size()); }

double bytes_of_stream(const ModelConfig& c, double tokens, Dtype dtype) {
  const double kv = 2.0 * static_cast<double>(c.layers * c.kv_heads * c.head_size) * tokens;
  return kv * static_cast<double>(size_of(dtype)) + static_cast<double>(c.vocabulary_size) * 4;
}

int64_t bytes_of(const ModelConfig& c, const Counts& counts, Dtype dtype) {
  const double weights = counts.weights * static_cast<double>(size_of(c.dtype.value_or(dtype)));
  return static_cast<int64_t>(weights + counts.streams * bytes_of_stream(c, counts.tokens, dtype) + 2e8);
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
          static_cast<int64_t>(streams_of_one(run) * bytes_of_stream(ready.files.config, counts.tokens, ready.dtype)),
          seconds_of(ready.files.config, counts, static_cast<double>(run.tokens), ready.pool->threads()), prompt,
          run.tokens, static_cast<int64_t>(run.caches.size()) + 2};
}

std::string memory_refusal(const RunEstimate& estimate, const Case& run, int64_t available, const std::string& where) {
  const auto gibibytes = [](int64_t bytes) { return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (1 << 30)); };
  const int64_t missing = estimate.bytes - available;
  const size_t surplus = estimate.lane_bytes > 0 ? static_cast<size_t>((missing + estimate.lane_bytes - 1) / estimate.lane_bytes) : 0;
  std::string text = fmt::format("not enough memory on {}: the run needs about {}, {} are free", where, gibibytes(estimate.bytes),
                                 gibibytes(available));
  if (surplus == 0 || surplus >= run.caches.size())
    return text + "; no choice of --cache alone makes it fit: fewer --tokens, fewer modes or a smaller model need less";
  text += fmt::format("; each --cache takes about {}: leave out {} of them, the last say (", gibibytes(estimate.lane_bytes), surplus);
  for (size_t i = run.caches.size() - surplus; i < run.caches.size(); ++i)
    text += run.caches[i].text + (i + 1 < run.caches.size() ? ", " : ")");
  return text + ", or ask for fewer --tokens or modes";
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
