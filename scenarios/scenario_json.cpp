#include <fmt/format.h>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "scenarios/json_text.h"
#include "scenarios/matrix.h"
#include "scenarios/scenario.h"
#include "scenarios/settings.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

std::vector<std::string_view> keys_of(SettingGroup group) {
  std::vector<std::string_view> names;
  for (const Setting& setting : settings()) {
    if (setting.group == group) names.push_back(setting.name);
  }
  return names;
}

std::vector<std::string_view> top_level_keys() {
  std::vector<std::string_view> names = {"schema", "name", "summary", "prompts"};
  for (const Setting& setting : settings()) {
    if (setting.group != SettingGroup::prompt) names.push_back(setting.name);
  }
  return names;
}

// The JSON value as the text that the same setting takes on the command line.
std::string value_text(const JsonAt& json, SettingKind kind) {
  switch (kind) {
    case SettingKind::toggle:
      if (!json.value.is_boolean()) json.refuse("true or false");
      break;
    case SettingKind::integer:
      if (!json.value.is_number_integer()) json.refuse("a whole number");
      break;
    case SettingKind::number:
      if (!json.value.is_number()) json.refuse("a number");
      break;
    default:
      return text_at(json);
  }
  return json.value.dump();
}

void set(const JsonAt& json, const Setting& setting, Case& run) {
  const std::string text = value_text(json, setting.kind);
  try {
    setting.set(run, text);
  } catch (const UserError& error) {
    json.fail(error.what());
  }
}

void set_all(const JsonAt& json, const Setting& setting, Case& run) {
  if (setting.kind != SettingKind::list) return set(json, setting, run);
  require_list(json);
  for (size_t i = 0; i < json.value.size(); ++i) set(json.at(i), setting, run);
}

PromptSource prompt_at(const JsonAt& json) {
  std::vector<std::string_view> known = keys_of(SettingGroup::prompt);
  known.push_back("name");
  require_known_keys(json, known);
  Case run;
  for (const auto& [key, value] : json.value.items()) {
    if (key == "name") {
      run.prompt.name = text_at(json.at(key));
    } else {
      set(json.at(key), *find_setting(key), run);
    }
  }
  try {
    check(run.prompt);
  } catch (const UserError& error) {
    json.fail(error.what());
  }
  return run.prompt;
}

CacheEntry cache_at(const JsonAt& json) {
  if (json.value.is_object()) return matrix_at(json);
  if (!json.value.is_string()) json.refuse("a cache spec in quotes, or a matrix object");
  Case probe;
  set(json, *find_setting("cache"), probe);
  return text_at(json);
}

void read_list(const JsonAt& json, std::string_view key, Scenario& scenario) {
  require_list(json);
  for (size_t i = 0; i < json.value.size(); ++i) {
    if (key == "prompts") {
      scenario.prompts.push_back(prompt_at(json.at(i)));
    } else {
      scenario.caches.push_back(cache_at(json.at(i)));
    }
  }
}

void read_key(const JsonAt& json, std::string_view key, Scenario& scenario) {
  if (key == "schema") return;
  if (key == "name") {
    scenario.name = text_at(json);
  } else if (key == "summary") {
    scenario.summary = text_at(json);
  } else if (key == "prompts" || key == "cache") {
    read_list(json, key, scenario);
  } else {
    set_all(json, *find_setting(key), scenario.common);
  }
}

Json to_json(const PromptSource& prompt) {
  Json json = Json::object();
  if (!prompt.name.empty()) json["name"] = prompt.name;
  Case run;
  run.prompt = prompt;
  for (const Setting& setting : settings()) {
    if (setting.group != SettingGroup::prompt) continue;
    for (const std::string& value : setting.get(run)) json[std::string(setting.name)] = value;
  }
  return json;
}

Json to_json(const Setting& setting, const std::vector<std::string>& values) {
  if (setting.kind == SettingKind::list) return values;
  if (setting.kind == SettingKind::text) return values.front();
  return Json::parse(values.front());
}

}  // namespace

Scenario parse_scenario(std::string_view json, const std::string& origin) {
  const Json parsed = parse_scenario_json(json, origin);
  const JsonAt root{parsed, origin, ""};
  require_known_keys(root, top_level_keys());
  if (!parsed.contains("schema")) root.fail(fmt::format("the key 'schema' is missing, expected \"{}\"", scenario_schema));
  if (parsed["schema"] != scenario_schema) root.at("schema").refuse(fmt::format("\"{}\"", scenario_schema));
  Scenario scenario;
  for (const auto& [key, value] : parsed.items()) read_key(root.at(key), key, scenario);
  return scenario;
}

nlohmann::ordered_json to_json(const Scenario& scenario) {
  Json json = {{"schema", scenario_schema}};
  if (!scenario.name.empty()) json["name"] = scenario.name;
  if (!scenario.summary.empty()) json["summary"] = scenario.summary;
  const Case fallback;
  for (const Setting& setting : settings()) {
    if (setting.group == SettingGroup::prompt || setting.name == "cache") continue;
    const std::vector<std::string> values = setting.get(scenario.common);
    if (!values.empty() && values != setting.get(fallback)) json[std::string(setting.name)] = to_json(setting, values);
  }
  for (const PromptSource& prompt : scenario.prompts) json["prompts"].push_back(to_json(prompt));
  for (const CacheEntry& entry : scenario.caches) {
    json["cache"].push_back(std::holds_alternative<Matrix>(entry) ? to_json(std::get<Matrix>(entry))
                                                                  : Json(std::get<std::string>(entry)));
  }
  return json;
}

}  // namespace kvdiff
