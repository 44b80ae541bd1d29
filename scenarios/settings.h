#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/case.h"

namespace kvdiff {

enum class SettingKind { text, integer, number, toggle, list };
enum class SettingGroup { model, prompt, generation, cache, judgement };

// Everything that decides a case, each declared once: `--continue-file` on the command line, "continue_file" in a
// scenario. Command line, help, reproducing line, scenario keys and the README's table derive from this table.
struct Setting {
  std::string_view name;      // the JSON key; the flag has '-' for '_'
  SettingGroup group;
  SettingKind kind;           // list: may be given again and again
  std::string_view metavar;   // what help shows for the value; empty for a toggle
  std::string_view fallback;  // the default as help shows it; empty: none
  std::string_view help;
  // Throws UserError(usage) "found ..., expected ...", without the name of the setting.
  void (*set)(Case& run, std::string_view value);
  // The values that say it again; empty where the case has the default.
  std::vector<std::string> (*get)(const Case& run);
};

std::span<const Setting> settings();
const Setting* find_setting(std::string_view name);  // null for an unknown name
std::string flag_of(const Setting& setting);         // "--continue-file"

}  // namespace kvdiff
