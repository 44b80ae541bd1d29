#include "harness/model/files/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "cache_backends/error.h"
#include "harness/model/files/digest.h"
#include "harness/model/files/field_reader.h"
#include "harness/model/files/llama_tensors.h"
#include "harness/model/files/text_quote.h"

namespace kvdiff {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, std::string_view what) {
  throw UserError(ExitCode::input, fmt::format("model {}: {}", path.string(), what));
}

// Relative values are to be ignored, says the XDG Base Directory Specification (0.8).
fs::path cache_folder() {
  const char* const xdg = std::getenv("XDG_CACHE_HOME");
  if (xdg != nullptr && fs::path(xdg).is_absolute()) return xdg;
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return fs::path(home) / ".cache";
  throw UserError(ExitCode::environment,
                  "the model 'smollm2' lies in the user's cache folder, but neither HOME nor "
                  "XDG_CACHE_HOME is set: set one, or give the model's folder");
}

// A link that leads nowhere counts: the message about it is better than "missing". Never throws.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

std::optional<fs::path> if_there(const fs::path& path) {
  if (!is_there(path)) return std::nullopt;
  return path;
}

void check_is_folder(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found || status.type() == fs::file_type::none) {
    refuse(path, error && status.type() == fs::file_type::none ? error.message()
                                                               : "there is no such folder. Expected a Hugging Face "
                                                                 "checkpoint folder, or 'smollm2'");
  }
  if (status.type() != fs::file_type::directory) {
    refuse(path, "is a file, expected the folder that holds config.json, *.safetensors and tokenizer.json");
  }
  const bool empty = fs::is_empty(path, error);
  if (error) refuse(path, "cannot be read: " + error.message());
  if (empty) refuse(path, "the folder is empty, expected config.json, *.safetensors and tokenizer.json");
}

// What a folder holds in place of the weights that are wanted.
std::string weights_in_other_formats(const fs::path& path) {
  constexpr std::string_view formats[] = {".bin", ".gguf",    ".pt",   ".pth", ".safetensors",
                                          ".h5",  ".msgpack", ".onnx", ".npz"};
  std::vector<std::string> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, ignored)) {
    const std::string extension = entry.path().extension().string();
    const bool weights = std::find(std::begin(formats), std::end(formats), extension) != std::end(formats);
    if (weights) found.push_back(quote_name(entry.path().filename().string()));
  }
  if (found.empty()) return "";
  std::sort(found.begin(), found.end());
  constexpr size_t shown = 5;
  const size_t count = found.size();
  if (count > shown) found.resize(shown);
  return fmt::format(" (found {}{} instead: save the model as safetensors with transformers' save_pretrained)",
                     fmt::join(found, ", "), count > shown ? ", ..." : "");
}

}  // namespace

fs::path resolve_model(std::string_view model) {
  if (model.empty()) throw UserError(ExitCode::usage, "the model's name is empty, expected a folder or 'smollm2'");
  if (model != "smollm2") return fs::path(model);
  const fs::path folder = cache_folder() / "kvdiff" / "models" / "SmolLM2-135M-Instruct";
  if (is_there(folder)) return folder;
  refuse(folder, "'smollm2' has not been set up here yet: run ./x model");
}

ModelFolder open_model_folder(const fs::path& path) {
  check_is_folder(path);
  ModelFolder folder;
  folder.path = path;
  folder.config = path / "config.json";
  folder.tokenizer = path / "tokenizer.json";
  std::vector<std::string> problems;
  if (!is_there(folder.config)) problems.push_back("config.json is missing");
  if (!is_there(path / "model.safetensors") && !is_there(path / "model.safetensors.index.json")) {
    problems.push_back("no weights: neither model.safetensors nor model.safetensors.index.json" +
                       weights_in_other_formats(path));
  }
  if (!is_there(folder.tokenizer)) {
    const bool sentencepiece = is_there(path / "tokenizer.model");
    problems.push_back(
        std::string("tokenizer.json is missing") +
        (sentencepiece ? " (tokenizer.model alone is not read: save the tokenizer with transformers)" : ""));
  }
  throw_if_any(problems, fmt::format("model {}: not a whole Hugging Face checkpoint folder:", path.string()),
               "Download or copy the files that are missing.");
  folder.generation_config = if_there(path / "generation_config.json");
  folder.tokenizer_config = if_there(path / "tokenizer_config.json");
  folder.chat_template = if_there(path / "chat_template.jinja");
  return folder;
}

ModelConfig read_model_config(const ModelFolder& folder) { return read_model_config(folder.config); }

GenerationConfig read_generation_config(const ModelFolder& folder, const ModelConfig& config) {
  if (!folder.generation_config) return generation_config_from(config);
  return read_generation_config(*folder.generation_config, config);
}

ModelFiles open_model(const fs::path& path) {
  ModelFiles model;
  model.folder = open_model_folder(path);
  model.config = read_model_config(model.folder);
  model.generation = read_generation_config(model.folder, model.config);
  model.weights = Weights::open(path);
  model.warnings = check_tensors(model.config, model.weights);
  const auto append = [&](const std::vector<std::string>& more) {
    model.warnings.insert(model.warnings.end(), more.begin(), more.end());
  };
  append(model.config.warnings);
  append(model.generation.warnings);
  return model;
}

std::string digest_model(const ModelFiles& model) {
  std::vector<fs::path> files = model.weights.files();
  files.push_back(model.folder.config);
  if (model.folder.generation_config) files.push_back(*model.folder.generation_config);
  return digest_files(files);
}

}  // namespace kvdiff
