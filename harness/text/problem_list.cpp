#include "harness/text/problem_list.h"

#include <fmt/format.h>

#include "cache_backends/error.h"

namespace kvdiff {

void ProblemList::add(std::string problem) {
  if (++count_ <= 10) shown_.push_back(std::move(problem));
}

void ProblemList::raise_if_any() const {
  if (count_ == 0) return;
  std::string message = fmt::format("{}: {} problem{}:", file_, count_, count_ == 1 ? "" : "s");
  for (const auto& problem : shown_) message += "\n  - " + problem;
  if (count_ > shown_.size()) message += fmt::format("\n  - and {} more", count_ - shown_.size());
  throw UserError(ExitCode::input, message + "\nTake the tokenizer.json from the model's source again, or give token ids.");
}

}  // namespace kvdiff
