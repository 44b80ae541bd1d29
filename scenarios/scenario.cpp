#include "scenarios/scenario.h"

#include <fmt/format.h>

#include <filesystem>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"
#include "scenarios/shipped.h"
#include "scenarios/texts.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

std::vector<std::string_view> shipped_names() {
  std::vector<std::string_view> names;
  for (const ShippedFile& file : shipped_scenarios()) names.push_back(file.name);
  return names;
}

// Paths in a scenario count from its own folder. A model without a '/' may be an alias and stays as it is.
void move_paths(Scenario& scenario, const std::string& folder) {
  const auto move = [&](std::string& path) { path = source_from(folder, path); };
  move(scenario.common.continue_file);
  if (scenario.common.model.find('/') != std::string::npos) move(scenario.common.model);
  for (PromptSource& prompt : scenario.prompts) {
    if (prompt.text_file) move(*prompt.text_file);
    if (prompt.messages) move(*prompt.messages);
    if (prompt.token_ids && prompt.token_ids->starts_with('@')) {
      prompt.token_ids = fmt::format("@{}", source_from(folder, prompt.token_ids->substr(1)));
    }
  }
}

}  // namespace

Scenario load_scenario(const std::string& name_or_file) {
  if (const ShippedFile* file = find_shipped(shipped_scenarios(), name_or_file)) {
    return parse_scenario(file->content, "scenario " + name_or_file);
  }
  if (!std::filesystem::exists(name_or_file)) {
    const std::vector<std::string_view> names = shipped_names();
    throw UserError(ExitCode::usage, fmt::format("no scenario and no file {}: shipped are {}. Did you mean '{}'?",
                                                 shown(name_or_file), joined(names), nearest_match(name_or_file, names)));
  }
  Scenario scenario = parse_scenario(read_source(name_or_file, "scenario", ExitCode::usage), name_or_file);
  move_paths(scenario, std::filesystem::path(name_or_file).parent_path().string());
  return scenario;
}

}  // namespace kvdiff
