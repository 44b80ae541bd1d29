#include "cache_backends/error.h"
#include "harness/model/model.h"

namespace kvdiff {
namespace {

constexpr FamilyRow rows[] = {
    {"llama", "RMSNorm, RoPE, grouped-query attention, gated MLP; tied or untied head", make_llama},
};

}  // namespace

std::span<const FamilyRow> model_families() { return rows; }

std::unique_ptr<Model> make_model(const ModelConfig& config, const Weights& weights, const ModelOptions& options,
                                  const ModelPlace& place) {
  for (const FamilyRow& row : rows)
    if (row.name == config.family) return row.make(config, weights, options, place);
  std::string known;
  for (const FamilyRow& row : rows) known += (known.empty() ? "" : ", ") + std::string(row.name);
  throw UserError(ExitCode::input, "model_type '" + config.family + "' is not supported; this build knows: " + known);
}

std::unique_ptr<Model> make_model(const ModelConfig& config, const Weights& weights, const ModelOptions& options,
                                  ThreadPool& pool) {
  return make_model(config, weights, options, {pool, make_host_compute(pool)});
}

}  // namespace kvdiff
