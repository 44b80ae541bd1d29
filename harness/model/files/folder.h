#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/model/files/config.h"
#include "harness/model/files/generation_config.h"
#include "harness/model/files/weights.h"

namespace kvdiff {

// The paths of a Hugging Face checkpoint folder, each known to exist.
struct ModelFolder {
  std::filesystem::path path;
  std::filesystem::path config;
  std::filesystem::path tokenizer;  // tokenizer.json
  std::optional<std::filesystem::path> generation_config;
  std::optional<std::filesystem::path> tokenizer_config;  // tokenizer_config.json
  std::optional<std::filesystem::path> chat_template;     // chat_template.jinja
};

// `smollm2` is the model that `./x model` makes, in the user's cache folder; any other value is a folder.
// Throws UserError(input) when that model is not there yet.
std::filesystem::path resolve_model(std::string_view model);

// Throws UserError(input): no such folder, empty, a file, no config, no weights (or only in other formats), no
// tokenizer; all that is missing at once.
ModelFolder open_model_folder(const std::filesystem::path& path);

ModelConfig read_model_config(const ModelFolder& folder);
GenerationConfig read_generation_config(const ModelFolder& folder, const ModelConfig& config);

// Everything of a folder but its tokenizer, read and checked.
struct ModelFiles {
  ModelFolder folder;
  ModelConfig config;
  GenerationConfig generation;
  Weights weights;
  std::vector<std::string> warnings;  // from all of them, ready to show
};

ModelFiles open_model(const std::filesystem::path& path);

// config.json, generation_config.json and the weights: what the numbers come from. Reads all of them.
std::string digest_model(const ModelFiles& model);

}  // namespace kvdiff
