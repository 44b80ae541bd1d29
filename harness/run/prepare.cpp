#include "harness/run/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "cache_backends/error.h"

namespace kvdiff {
namespace {

constexpr int most_threads = 256;

int thread_count(int asked) {
  if (asked > 0) return std::min(asked, most_threads);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::string kind_of(const PromptSource& source) {
  if (source.chat) return "chat";
  if (source.messages) return "messages";
  return source.token_ids ? "token ids" : "text";
}

void warn_about_positions(const Case& run, Prepared& ready) {
  const int64_t needed = static_cast<int64_t>(ready.prompt.token_ids.size()) + run.tokens - 1;
  const int64_t trained = ready.files.config.max_positions;
  if (needed > trained)
    ready.warnings.push_back(fmt::format(
        "{} positions are asked for and the model was made for {}: steps beyond them are reported apart", needed,
        trained));
}

}  // namespace

PromptRequest prompt_request(const PromptSource& source) {
  PromptRequest request;
  request.text = source.text;
  request.file = source.text_file;
  request.chat = source.chat;
  request.system = source.system;
  request.messages_file = source.messages;
  request.token_ids = source.token_ids;
  return request;
}

TokenText Prepared::token_text() const {
  return [this](int32_t token) { return text.tokenizer.token_text(token); };
}

Prepared prepare(const Case& run, const RunPlace& place) {
  ModelFiles files = open_model(resolve_model(run.model));
  TextModel text = load_text_model(files.folder);
  Prompt prompt = load_prompt(prompt_request(run.prompt), text, files.config.vocabulary_size);
  const Dtype dtype = run.dtype.value_or(files.config.dtype.value_or(Dtype::float32));
  Prepared ready{std::move(files), dtype, std::move(text), std::move(prompt), kind_of(run.prompt), {}, {}, nullptr};
  if (!run.continue_file.empty()) ready.follow = load_continuation(run.continue_file, ready.text);
  ready.warnings = ready.files.warnings;
  ready.warnings.insert(ready.warnings.end(), ready.prompt.warnings.begin(), ready.prompt.warnings.end());
  warn_about_positions(run, ready);
  ready.pool = std::make_unique<ThreadPool>(thread_count(place.threads));
  return ready;
}

std::vector<LaneInput> lanes_of(const Case& run) {
  const CacheSpec full = parse_cache_spec("full");
  std::vector<LaneInput> lanes = {{"reference", full, false}, {"control", full, false}};
  for (const CacheSpec& spec : run.caches) {
    const std::string& name = spec.text;
    const auto same = std::count_if(lanes.begin(), lanes.end(), [&](const LaneInput& lane) {
      return lane.name == name || lane.name.starts_with(name + " #");
    });
    lanes.push_back({same ? fmt::format("{} #{}", name, same + 1) : name, spec, spec.lane.prefill == "quantized"});
  }
  return lanes;
}

bool excluded_from_cutting(const ModelConfig& config) { return config.rope.type == RopeType::dynamic; }

}  // namespace kvdiff
