#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/checks/tensor_figures.h"
#include "harness/model/files/folder.h"
#include "harness/text/text_model.h"

namespace kvdiff {

// A model folder read part by part, so that what is wrong with one part does not hide the others.
struct CheckedFolder {
  ModelFolder folder;
  std::optional<ModelConfig> config;
  std::optional<GenerationConfig> generation;
  std::optional<Weights> weights;
  std::vector<TensorFigures> figures;  // one for each tensor that can be read, by name
  std::optional<TextModel> text;
  nlohmann::json config_json, tokenizer_json, tokenizer_config_json;  // null where missing or not readable
  std::map<std::string, std::string> refused;  // "config", "weights", "tokenizer": what reading it said
};

// Reads all values of all weights once (about 5 ns each). Throws UserError(input) only where there is no model folder.
CheckedFolder read_for_checks(const std::filesystem::path& folder);

}  // namespace kvdiff
