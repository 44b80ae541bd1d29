#include "scenarios/command_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/settings.h"

namespace kvdiff {
namespace {

constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";

bool is_control(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return byte < 0x20 || byte == 0x7f;
}

// $'...': the only quoting that keeps a line break on one line.
std::string ansi_quoted(std::string_view word) {
  std::string text = "$'";
  for (const char character : word) {
    if (character == '\n') {
      text += "\\n";
    } else if (is_control(character)) {
      text += fmt::format("\\{:03o}", static_cast<unsigned char>(character));
    } else {
      if (character == '\'' || character == '\\') text += '\\';
      text += character;
    }
  }
  return text + "'";
}

}  // namespace

std::string shell_quoted(std::string_view word) {
  if (std::any_of(word.begin(), word.end(), is_control)) return ansi_quoted(word);
  const bool safe = word.find_first_not_of(plain) == std::string_view::npos && !word.starts_with('=');
  if (safe && !word.empty()) return std::string(word);
  std::string text = "'";
  for (const char character : word) text += character == '\'' ? std::string("'\\''") : std::string(1, character);
  return text + "'";
}

std::vector<std::string> arguments(const Case& run) {
  std::vector<std::string> words = {"kvdiff", "run"};
  for (const Setting& setting : settings()) {
    for (const std::string& value : setting.get(run)) {
      words.push_back(flag_of(setting));
      if (setting.kind != SettingKind::toggle) words.push_back(value);
    }
  }
  return words;
}

std::string command_line(const Case& run) {
  std::string line;
  for (const std::string& word : arguments(run)) line.append(line.empty() ? "" : " ").append(shell_quoted(word));
  return line;
}

}  // namespace kvdiff
