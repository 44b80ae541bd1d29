#include <fmt/format.h>

#include <memory>
#include <optional>

#include "harness/commands/command.h"
#include "harness/commands/output.h"
#include "harness/lifecycle/lifecycle.h"

namespace kvdiff {
namespace {

struct Options {
  std::vector<std::string> caches;
  std::optional<int64_t> tokens;
  std::string fault;
};

// What the user wrote behind `flag`, or the error with the flag in front.
template <class Take>
auto taken(const char* flag, Take take) {
  try {
    return take();
  } catch (const UserError& error) {
    throw UserError(error.code(), fmt::format("{}: {}", flag, error.what()));
  }
}

std::string faults_text() {
  std::string text = "\nFaults of transformers' caches, for --fault:\n";
  for (const PeerCacheFault& fault : peer_cache_faults())
    text += fmt::format("  {:<21} {}: {}\n", fault.name, fault.versions, fault.what);
  return text +
         "\nExit codes: 0 all the same bits, 8 one differs (handling is unsound), 2 a bad spec.\n";
}

ExitCode check(const Options& options) {
  std::vector<CacheSpec> specs;
  for (const std::string& text : options.caches.empty() ? every_codec() : options.caches)
    specs.push_back(taken("--cache", [&] { return parse_cache_spec(text); }));
  LifecycleOptions settings{options.tokens, nullptr};
  if (!options.fault.empty()) settings.fault = taken("--fault", [&] { return &find_peer_cache_fault(options.fault); });
  if (settings.fault) print(fmt::format("planted in every cache: {}\n", settings.fault->name));
  bool sound = true;
  for (const CacheSpec& spec : specs) {
    const LifecycleReport report = taken("--cache", [&] { return check_lifecycle(spec, settings); });
    print(lifecycle_table(report));
    sound = sound && report.sound();
  }
  print(sound ? "Handling is sound: bit for bit what the run that it was never done to holds.\n" : "Handling is unsound.\n");
  return sound ? ExitCode::passed : ExitCode::invalid;
}

}  // namespace

std::function<ExitCode()> declare_lifecycle(CLI::App& parser, const ReportRoom&) {
  const auto options = std::make_shared<Options>();
  parser.add_option("--cache", options->caches, "a cache spec, repeatable (one of every codec)")->type_name("SPEC")
      ->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  parser.add_option("--tokens", options->tokens, "single tokens behind each prompt (the spec's window and 8, at most 136)")
      ->type_name("N")->check(CLI::Range(int64_t{2}, most_lifecycle_tokens));
  parser.add_option("--fault", options->fault, "plants a fault of transformers' caches, to see it caught")->type_name("NAME");
  parser.footer(parser.get_footer() + faults_text());
  return [options] { return check(*options); };
}

}  // namespace kvdiff
