#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache_backends/error.h"
#include "harness/options.h"
#include "harness/report_format.h"

namespace kvdiff {

// A subcommand: one file that defines its declare function, and one row of the table in table.cpp.
struct Command {
  std::string_view name, summary;
  std::string_view examples;  // one a line
  // Adds its options to the parser and returns what runs it once they are parsed.
  std::function<ExitCode()> (*declare)(CLI::App& parser, const ReportRoom& reports);
};
std::span<const Command> commands();

// Gives the parser flags of `kvdiff run` (harness/options.h): those named, or all.
void add_run_flags(CLI::App& parser, RunOptions& options, const std::vector<std::string_view>& names = {});

// Parses and runs. Throws UserError; whoever calls it turns that into a message and an exit code (main.cpp).
ExitCode run_command_line(int count, char** words, const ReportRoom& reports);

}  // namespace kvdiff
