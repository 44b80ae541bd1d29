#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cache_backends/peer_forecast.h"
#include "cache_backends/spec_dialects.h"
#include "cache_backends/spec_explain.h"
#include "harness/commands/command.h"
#include "harness/commands/output.h"
#include "harness/model/files/folder.h"

namespace kvdiff {
namespace {

struct SpecOptions {
  std::vector<std::string> words;
  std::string model;
  std::optional<int64_t> forecast;  // tokens of the prompt
  int64_t tokens = 256;
};

// Of SmolLM2-135M, so that a spec can be explained before any model is there.
constexpr CacheShape default_shape = {.layers = 30, .batch = 1, .heads = 3, .head_size = 64, .dtype = Dtype::float16};

CacheShape shape_of(const std::string& model) {
  if (model.empty()) return default_shape;
  const ModelConfig config = read_model_config(open_model_folder(resolve_model(model)));
  return {.layers = config.layers, .batch = 1, .heads = config.kv_heads, .head_size = config.head_size,
          .dtype = config.dtype.value_or(Dtype::float16)};
}

// What becomes of the same run in the cache's peer.
std::string forecast_text(const CacheSpec& spec, const CacheShape& shape, int64_t prompt, int64_t tokens) {
  const PeerForecast forecast = forecast_peer({spec, shape, peer_steps({prompt}, tokens)});
  if (forecast.peer.empty()) return "peer       none under this schedule: nothing is forecast\n";
  std::string text = fmt::format("peer       {}, a prompt of {} and {} tokens one by one:\n", forecast.peer, prompt, tokens);
  if (forecast.events.empty()) return text + "  goes through\n";
  for (const PeerEvent& event : forecast.events) text += fmt::format("  {}\n", text_of(event));
  return text;
}

ExitCode explain_spec(const SpecOptions& options) {
  if (options.words.empty()) throw UserError(ExitCode::usage, "spec: found nothing, expected a cache spec, like hqq:bits=4");
  const Translated translated = parse_any_spec(fmt::format("{}", fmt::join(options.words, " ")));
  std::string text = explain(translated.spec, shape_of(options.model));
  if (options.forecast) text += forecast_text(translated.spec, shape_of(options.model), *options.forecast, options.tokens);
  for (const std::string& note : translated.notes) text += fmt::format("note: {}\n", note);
  print(text);
  return ExitCode::passed;
}

}  // namespace

std::function<ExitCode()> declare_spec(CLI::App& parser, const ReportRoom&) {
  const auto options = std::make_shared<SpecOptions>();
  parser.add_option("text", options->words, "a spec, transformers' cache_config, or llama.cpp's flags (behind --)");
  parser.add_option("--model", options->model, "whose layers and heads the sizes are for (SmolLM2-135M)")->type_name("FOLDER");
  const auto forecast = parser.add_option("--forecast", options->forecast, "does the cache's peer raise behind a prompt of so many tokens?");
  forecast->type_name("PROMPT_TOKENS")->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  parser.add_option("--tokens", options->tokens, "single tokens behind that prompt (256)")->type_name("N")->needs(forecast)
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 20));
  return [options] { return explain_spec(*options); };
}

}  // namespace kvdiff
