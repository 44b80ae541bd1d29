#include <algorithm>

#include "harness/commands/command.h"

namespace kvdiff {
namespace {

std::string help_of(const RunFlag& flag) {
  std::string help = flag.help;
  if (!flag.fallback.empty()) help.append(" (").append(flag.fallback).append(")");
  if (flag.repeated) help.append("; may be repeated");
  return help;
}

void add_flag(CLI::App& parser, RunOptions& options, const RunFlag& flag) {
  const auto take = flag.take;
  if (flag.metavar.empty()) {
    parser.add_flag_callback(flag.flag, [take, &options] { take(options, ""); }, help_of(flag))->group(flag.group);
    return;
  }
  const auto take_all = [take, &options](const std::vector<std::string>& values) {
    const bool braces = values.size() == 2 && values[0] == "{}" && values[1] == "%%";  // how the library passes on "{}"
    for (const std::string& value : values) {
      if (!braces || value == "{}") take(options, value);
    }
    return true;
  };
  CLI::Option* option = parser.add_option(flag.flag, take_all, help_of(flag))->type_name(flag.metavar)->group(flag.group);
  option->type_size(1)->allow_extra_args(false);
  option->multi_option_policy(flag.repeated ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::Throw);
}

}  // namespace

void add_run_flags(CLI::App& parser, RunOptions& options, const std::vector<std::string_view>& names) {
  for (const RunFlag& flag : run_flags()) {
    if (names.empty() || std::find(names.begin(), names.end(), flag.flag) != names.end()) add_flag(parser, options, flag);
  }
}

}  // namespace kvdiff
