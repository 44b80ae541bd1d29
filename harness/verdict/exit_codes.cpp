#include "harness/verdict/exit_codes.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvdiff {
namespace {

struct Row {
  ExitCode code;
  std::string_view meaning;
};

// The most urgent first.
constexpr Row rows[] = {
    {ExitCode::internal, "internal error"},
    {ExitCode::io, "input or output failed"},
    {ExitCode::interrupted, "interrupted; what is complete is written"},
    {ExitCode::environment, "environment: no device, missing library"},
    {ExitCode::usage, "usage or configuration"},
    {ExitCode::input, "input rejected: model, tokenizer, prompt"},
    {ExitCode::invalid, "measurement invalid: receipt, floor or determinism"},
    {ExitCode::baseline, "baseline missing or not accepted"},
    {ExitCode::regression, "regression or divergence beyond limits"},
    {ExitCode::inconclusive, "inconclusive"},
    {ExitCode::nothing_to_do, "nothing to do"},
    {ExitCode::passed, "passed"},
};

}  // namespace

ExitCode most_urgent(std::span<const ExitCode> codes) {
  for (const Row& row : rows) {
    if (std::ranges::find(codes, row.code) != codes.end()) return row.code;
  }
  return ExitCode::passed;
}

std::string_view meaning_of(ExitCode code) {
  return std::ranges::find(rows, code, &Row::code)->meaning;
}

ExitCode exit_code_of(int number) {
  for (const Row& row : rows) {
    if (static_cast<int>(row.code) == number) return row.code;
  }
  throw UserError(ExitCode::input, fmt::format("found the exit code {}, expected one of the documented codes", number));
}

}  // namespace kvdiff
