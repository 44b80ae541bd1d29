#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cache_backends/kernels/simd.h"
#include "scenarios/scenario.h"
#include "scenarios/settings.h"

namespace kvdiff {

// `--report json:out.json`. An empty file: standard output.
struct ReportTarget {
  std::string format, file;
};

struct StepRange {
  int64_t first = 0, last = 0;  // inclusive
};

// Everything that the command line of `kvdiff run` said. What decides the numbers is kept as settings, in the order
// given; the rest says where to run, what to write and what to show.
struct RunOptions {
  std::vector<std::pair<const Setting*, std::string>> settings;
  std::string scenario;               // a name or a file; empty: none
  bool list_cases = false;
  int threads = 0;                    // 0: as many as the machine has
  std::optional<Simd> simd;           // none: the widest that the machine has
  std::string device;                 // auto, cpu, cuda, cuda:N, emulated; empty: auto, without a word about it
  std::string dump;                   // folder; empty: none
  std::optional<StepRange> dump_steps;  // none: a window around the onset
  std::vector<ReportTarget> reports;
  bool quiet = false;
};

// One flag of `kvdiff run`, a setting (scenarios/settings.h) or one of the rest. The command line's parser, its help and
// the README's table derive from the list of them.
struct RunFlag {
  std::string flag, group, metavar, fallback, help;  // metavar is empty for a toggle
  bool repeated = false;
  // Throws UserError(usage) that begins with the flag.
  std::function<void(RunOptions&, const std::string& value)> take;
};
std::vector<RunFlag> run_flags();

// A Markdown table of run_flags().
std::string run_flags_table();

// The scenario that was named, or an empty one, with the flags over it: caches join the scenario's, a limit replaces the
// one of the same metric, a prompt replaces all prompts, everything else replaces the scenario's value.
Scenario scenario_of(const RunOptions& options);

}  // namespace kvdiff
