#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "cache_backends/kernels/simd.h"
#include "harness/checks/checks.h"
#include "harness/commands/command.h"
#include "harness/commands/device_choice.h"
#include "harness/commands/machine.h"
#include "harness/commands/oracle.h"
#include "harness/commands/output.h"
#include "harness/commands/version.h"
#include "harness/model/files/folder.h"

namespace kvdiff {
namespace {

enum class Health { ok, note, failed, missing };

struct Finding {
  Health health;
  std::string_view what;
  std::string text;
};

Finding check_cpu() {
  std::string kinds;
  for (const Simd simd : {Simd::avx512, Simd::avx2, Simd::scalar}) {
    if (supported(simd)) kinds += fmt::format("{}{}", kinds.empty() ? "" : ", ", name_of(simd));
  }
  if (best_simd() != Simd::scalar) return {Health::ok, "cpu", fmt::format("{}: {} is used", kinds, name_of(best_simd()))};
  return {Health::note, "cpu", "no AVX2 (with FMA and F16C): the scalar kernels give the same numbers, much more slowly"};
}

Finding check_threads() { return {Health::ok, "threads", fmt::format("{}; --threads takes fewer", hardware_threads())}; }

// A model of 135 M parameters in float32, repacked, and a few lanes.
constexpr int64_t comfortable_memory = int64_t{3} << 30;

Finding check_memory() {
  const int64_t available = available_memory();
  if (available < 0) return {Health::note, "memory", "not known: /proc/meminfo cannot be read"};
  const std::string text = fmt::format("{} available of {}", bytes_text(available), bytes_text(total_memory()));
  if (available >= comfortable_memory) return {Health::ok, "memory", text};
  return {Health::note, "memory", text + "; kvdiff run --list-cases says what a run needs"};
}

Finding check_torch() {
  if (built_with_torch()) return {Health::ok, "torch", "built with: --floor measures the arithmetic floor"};
  return {Health::note, "torch", "built without: --floor is not available; ./x build builds with it"};
}

Finding check_model(const std::string& name) {
  try {
    const ModelFiles files = open_model(resolve_model(name));
    std::string text = fmt::format("{}: {}, {} layers, {} positions", files.folder.path.string(), files.config.family,
                                   files.config.layers, files.config.max_positions);
    for (const std::string& warning : files.warnings) text += fmt::format("; {}", warning);
    return {files.warnings.empty() ? Health::ok : Health::note, "model", text};
  } catch (const UserError& error) {
    return {Health::missing, "model", error.what()};
  }
}

// Passed checks in one line, each other one in its own.
std::vector<Finding> check_files(const std::string& name) {
  std::vector<Finding> findings;
  try {
    int64_t passed = 0;
    for (const CheckFinding& one : run_file_checks(read_for_checks(resolve_model(name)))) {
      passed += one.result.outcome == Outcome::passed;
      if (one.failed()) findings.push_back({Health::failed, "check", text_of(one)});
      if (one.result.outcome == Outcome::not_applicable) findings.push_back({Health::note, "check", fmt::format("{}: not applicable, {}", one.id, one.result.found)});
    }
    findings.insert(findings.begin(), {Health::ok, "checks", fmt::format("{} of the model's files passed; kvdiff diagnose makes those that need a run, too", passed)});
  } catch (const UserError&) {
    return {};  // no such folder: the line about the model says so
  }
  return findings;
}

Finding check_device() {
  const DeviceState state = device_state();
  return {state.cuda ? Health::ok : Health::note, "device", state.text};
}

Finding check_disk() {
  std::error_code error;
  const auto space = std::filesystem::space(".", error);
  if (error) return {Health::missing, "disk", fmt::format("the current folder: {}; start in another", error.message())};
  const std::string text = fmt::format("{} free in the current folder", bytes_text(static_cast<int64_t>(space.available)));
  if (space.available >= 100u << 20) return {Health::ok, "disk", text};
  return {Health::note, "disk", text + "; reports and dumps need some: free it, or write them elsewhere"};
}

std::string_view name_of_health(Health health) {
  switch (health) {
    case Health::ok: return "ok";
    case Health::note: return "note";
    case Health::failed: return "failed";
    case Health::missing: return "missing";
  }
  throw InternalError("a finding without a health");
}

ExitCode examine(const std::string& model) {
  std::string text = version_text() + "\n";
  std::vector<Finding> findings = {check_cpu(), check_threads(), check_memory(), check_torch(), check_device(), check_model(model), check_disk()};
  for (Finding& finding : check_files(model)) findings.push_back(std::move(finding));
  bool missing = false, failed = false;
  for (const Finding& finding : findings) {
    text += fmt::format("{:<8} {:<8} {}\n", name_of_health(finding.health), finding.what, finding.text);
    missing = missing || finding.health == Health::missing;
    failed = failed || finding.health == Health::failed;
  }
  print(text + (missing ? "Something that a run needs is missing: see above.\n" : failed ? "A check of the model failed: see above.\n" : "Ready.\n"));
  return missing ? ExitCode::environment : failed ? ExitCode::input : ExitCode::passed;
}

}  // namespace

std::function<ExitCode()> declare_doctor(CLI::App& parser, const ReportRoom&) {
  const auto model = std::make_shared<std::string>("smollm2");
  parser.add_option("--model", *model, "the model to check (smollm2)")->type_name("FOLDER");
  return [model] { return examine(*model); };
}

}  // namespace kvdiff
