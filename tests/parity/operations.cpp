#include "tests/parity/bridge.h"

namespace kvdiff::parity {

json run_cache(const json& job, Exchange& exchange);
json run_codec(const json& job, Exchange& exchange);
json run_forecast(const json& job, Exchange& exchange);
json run_model(const json& job, Exchange& exchange);
json run_tokenizer(const json& job, Exchange& exchange);

namespace {
constexpr Operation table[] = {
    {"codec", run_codec},
    {"cache", run_cache},
    {"forecast", run_forecast},
    {"model", run_model},
    {"tokenizer", run_tokenizer},
};
}  // namespace

std::span<const Operation> operations() { return table; }

}  // namespace kvdiff::parity
