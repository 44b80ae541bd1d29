#include <fmt/format.h>

#include <cstdio>
#include <vector>

#include "cache_backends/nearest.h"
#include "harness/commands/command.h"
#include "harness/commands/output.h"
#include "harness/commands/version.h"
#include "scenarios/values.h"

namespace kvdiff {
namespace {

constexpr std::string_view exit_codes =
    "Exit codes:\n"
    "  0 passed   1 beyond limits   2 usage or configuration   3 model, tokenizer or prompt rejected\n"
    "  4 environment   5 nothing to do   6 baseline   7 inconclusive   8 measurement invalid\n"
    "  70 internal error   74 input or output   75 interrupted, what is complete is written\n";

struct Declared {
  CLI::App* parser = nullptr;
  std::function<ExitCode()> run;
};

std::vector<Declared> declare_all(CLI::App& program, const ReportRoom& reports) {
  std::vector<Declared> declared;
  for (const Command& command : commands()) {
    CLI::App* parser = program.add_subcommand(std::string(command.name), std::string(command.summary));
    parser->footer(fmt::format("Examples:\n{}", command.examples));
    parser->allow_extras();
    declared.push_back({parser, command.declare(*parser, reports)});
  }
  return declared;
}

std::vector<std::string> long_flags(const CLI::App& parser) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : parser.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

[[noreturn]] void refuse_word(const CLI::App& parser, const std::string& word) {
  if (!word.starts_with('-')) {
    throw UserError(ExitCode::usage, fmt::format("{}: unexpected {}; see kvdiff {} --help", parser.get_name(), shown(word),
                                                 parser.get_name()));
  }
  const std::vector<std::string> flags = long_flags(parser);
  const std::vector<std::string_view> views(flags.begin(), flags.end());
  throw UserError(ExitCode::usage, fmt::format("{}: unknown flag {}. Did you mean {}? See kvdiff {} --help", parser.get_name(),
                                               shown(word), nearest_match(word.substr(0, word.find('=')), views),
                                               parser.get_name()));
}

[[noreturn]] void refuse_command(const std::string& word) {
  std::vector<std::string_view> names;
  for (const Command& command : commands()) names.push_back(command.name);
  throw UserError(ExitCode::usage, fmt::format("unknown command {}, expected one of {}. Did you mean '{}'?", shown(word),
                                               joined(names), nearest_match(word, names)));
}

void parse(CLI::App& program, int count, char** words) {
  try {
    program.parse(count, words);
  } catch (const CLI::Success&) {
    throw;
  } catch (const CLI::ParseError& error) {
    throw UserError(ExitCode::usage, fmt::format("{}; see kvdiff --help", error.what()));
  }
}

ExitCode dispatch(const CLI::App& program, const std::vector<Declared>& declared) {
  const std::vector<std::string> remaining = program.remaining();
  if (!remaining.empty()) refuse_command(remaining.front());
  for (const Declared& one : declared) {
    if (!one.parser->parsed()) continue;
    for (const std::string& extra : one.parser->remaining()) {
      if (extra != "--") refuse_word(*one.parser, extra);  // the library counts the mark itself among what is left
    }
    return one.run();
  }
  std::fputs(program.help().c_str(), stderr);
  return ExitCode::usage;
}

}  // namespace

ExitCode run_command_line(int count, char** words, const ReportRoom& reports) {
  CLI::App program("Finds out where, why and how much a quantized KV cache changes what a model generates.", "kvdiff");
  program.set_version_flag("--version", version_text());
  program.allow_extras();
  program.require_subcommand(0, 1);  // or a word behind a command that happens to be another's name would end the first
  program.footer(std::string(exit_codes) +
                 "\nExamples:\n"
                 "  kvdiff run --scenario seed-sequence\n"
                 "  kvdiff run --chat 'Explain how a refrigerator works.' --cache hqq:bits=4,group=64 --report json:run.json\n"
                 "  kvdiff show run.json\n"
                 "  kvdiff <command> --help");
  const std::vector<Declared> declared = declare_all(program, reports);
  try {
    parse(program, count, words);
    return dispatch(program, declared);
  } catch (const CLI::CallForHelp&) {
    print(program.help());
  } catch (const CLI::CallForVersion&) {
    print(program.version() + "\n");
  }
  return ExitCode::passed;
}

}  // namespace kvdiff
