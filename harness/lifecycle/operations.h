#pragma once
#include <span>
#include <string_view>

#include "harness/lifecycle/record.h"

namespace kvdiff {

// One operation at work: caches are made, fed and compared through it. Keeps the first difference.
struct OperationTrial {
  const Tape& tape;
  const std::function<std::unique_ptr<KvCache>()>& make;
  const Record& expected;
  bool applies = true;
  std::optional<Difference> found;

  // Tokens [first, last) one by one, each compared with the run that nothing was done to, as attention sees it and after.
  void go_on(KvCache& cache, int64_t first, int64_t last);
  void prefill(KvCache& cache);  // the prompt, compared
  void note(const std::optional<Difference>& difference) {
    if (!found) found = difference;
  }
};

// One row per operation: operations.cpp.
struct LifecycleOperation {
  std::string_view name;
  void (*run)(OperationTrial& trial);
};
std::span<const LifecycleOperation> lifecycle_operations();
const LifecycleOperation& find_lifecycle_operation(std::string_view name);  // InternalError: there is none

// Runs it. What it throws is a difference, too.
void try_operation(const LifecycleOperation& operation, OperationTrial& trial);

}  // namespace kvdiff
