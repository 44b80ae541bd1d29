#include "harness/checks/checked_folder.h"

#include "cache_backends/error.h"
#include "harness/model/files/strict_json.h"

namespace kvdiff {
namespace {

constexpr size_t largest_file = size_t{64} << 20;

template <class Action>
void attempt(CheckedFolder& model, const char* part, const Action& action) {
  try {
    action();
  } catch (const UserError& error) {
    model.refused.emplace(part, error.what());
  }
}

nlohmann::json read_json(const std::filesystem::path& path) {
  return parse_strict_json(read_text_file(path, largest_file), path.string());
}

}  // namespace

CheckedFolder read_for_checks(const std::filesystem::path& folder) {
  CheckedFolder model;
  model.folder = open_model_folder(folder);
  attempt(model, "config", [&] {
    model.config_json = read_json(model.folder.config);
    model.config = read_model_config(model.folder);
    model.generation = read_generation_config(model.folder, *model.config);
  });
  attempt(model, "weights", [&] {
    model.weights = Weights::open(folder);
    model.figures = figures_of(*model.weights);
  });
  attempt(model, "tokenizer", [&] {
    model.tokenizer_json = read_json(model.folder.tokenizer);
    if (model.folder.tokenizer_config) model.tokenizer_config_json = read_json(*model.folder.tokenizer_config);
    model.text = load_text_model(model.folder);
  });
  return model;
}

}  // namespace kvdiff
