#include "harness/diagnose/handling.h"

#include <algorithm>

#include "harness/lifecycle/operations.h"

namespace kvdiff {
namespace {

// Those of `kvdiff lifecycle` that are worth their time on a model's own numbers.
struct Row {
  std::string_view operation, name;
};
constexpr Row rows[] = {{"fork, the copy goes on", "fork, the copy goes on"},
                        {"fork, the original goes on", "fork, the original goes on"},
                        {"reset", "reset"},
                        {"crop", "crop"},
                        {"reorder", "reorder of one sequence"}};

// `residual` of the spec: so many steps, and a few more, show a flush. Handling does not depend on how long a text is.
Tape tape_of(const Material& material, int64_t residual) {
  constexpr int64_t most_prompt = 128, steps_beyond = 8;
  Tape tape{material.shape, std::min(material.prompt, most_prompt), 0, material.tokens, material.key, material.value};
  tape.tokens = std::min(material.tokens, tape.prompt + residual + steps_beyond);
  return tape;
}

}  // namespace

std::vector<HandlingCheck> check_handling(const CacheSpec& spec, const Material& material) {
  const Tape tape = tape_of(material, spec.lane.residual);
  const std::function<std::unique_ptr<KvCache>()> make = [&] { return make_cache(spec, material.shape); };
  const Record expected(tape, make, false);
  std::vector<HandlingCheck> checks;
  for (const Row& row : rows) {
    OperationTrial trial{tape, make, expected, true, {}};
    try_operation(find_lifecycle_operation(row.operation), trial);
    if (!trial.applies) continue;
    checks.push_back({std::string(row.name), !trial.found, trial.found ? text_of(*trial.found) : "bit-equal"});
  }
  return checks;
}

}  // namespace kvdiff
