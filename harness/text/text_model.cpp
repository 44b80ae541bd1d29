#include "harness/text/text_model.h"

#include <fmt/format.h>

#include "cache_backends/error.h"
#include "harness/model/files/digest.h"
#include "harness/model/files/strict_json.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

constexpr size_t largest_file = size_t{64} << 20;

// "<s>" or {"content": "<s>", ...} or null.
std::string special_token(const nlohmann::json& config, const char* name) {
  if (!config.is_object() || !config.contains(name)) return "";
  const auto& value = config[name];
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string())
    return value["content"].get<std::string>();
  if (value.is_null()) return "";
  throw UserError(ExitCode::input,
                  fmt::format("tokenizer_config.json: \"{}\" is {}, expected a text.", name, json_in_short(value)));
}

// A text, or a list of {"name", "template"} of which "default" is the one.
std::optional<std::string> configured_template(const nlohmann::json& config) {
  if (!config.is_object() || !config.contains("chat_template")) return std::nullopt;
  const auto& value = config["chat_template"];
  if (value.is_string()) return value.get<std::string>();
  for (const auto& entry : value.is_array() ? value : nlohmann::json::array()) {
    const bool named = entry.is_object() && entry.contains("name") && entry.contains("template");
    if (named && entry["name"] == "default" && entry["template"].is_string())
      return entry["template"].get<std::string>();
  }
  return std::nullopt;
}

}  // namespace

TextModel load_text_model(const ModelFolder& folder) {
  TextModel model{Tokenizer::load(folder.tokenizer), {}, {}, {}, {}};
  std::vector<std::filesystem::path> files{folder.tokenizer};
  if (folder.tokenizer_config) {
    files.push_back(*folder.tokenizer_config);
    const auto config =
        parse_strict_json(read_text_file(*folder.tokenizer_config, largest_file), folder.tokenizer_config->string());
    model.turn_tokens = {special_token(config, "bos_token"), special_token(config, "eos_token")};
    model.chat_template = configured_template(config);
  }
  if (folder.chat_template) {
    files.push_back(*folder.chat_template);
    model.chat_template = read_text_file(*folder.chat_template, largest_file);
  }
  if (model.chat_template) {
    require_utf8(*model.chat_template, "the model's chat template");
    model.recognised = recognise_chat_template(*model.chat_template);
  }
  model.digest = digest_files(files);
  return model;
}

}  // namespace kvdiff
