#include "harness/audit/handled.h"

#include <algorithm>

#include "cache_backends/error.h"
#include "harness/lifecycle/operations.h"

namespace kvdiff {
namespace {

struct Row {
  std::string_view operation, name;
  bool two_sequences = false;
};
constexpr Row rows[] = {{"fork, the copy goes on", "fork, the copy goes on"},
                        {"fork, the original goes on", "fork, the original goes on"},
                        {"two continuations interleaved", "two continuations interleaved"},
                        {"reset", "reset"},
                        {"crop", "crop"},
                        {"save and restore", "save and restore"},
                        {"reorder", "reorder of one sequence"},
                        {"reorder", "reorder of two sequences", true}};

// `residual` of the spec: so many steps, and a few more, show a flush. Handling does not depend on how long a text is.
Tape shortened(const AuditInput& input) {
  constexpr int64_t most_prompt = 64, steps_beyond = 8, most_residual = 64;
  Tape tape = input.tape;
  tape.prompt = std::min(tape.prompt, most_prompt);
  tape.tokens = std::min(tape.tokens, tape.prompt + std::min(input.spec.lane.residual, most_residual) + steps_beyond);
  return tape;
}

std::vector<float> beside_itself_backwards(const std::vector<float>& values, const CacheShape& one, int64_t stride, int64_t tokens) {
  std::vector<float> out = values;
  const int64_t size = one.head_size;
  for (int64_t head = 0; head < one.heads; ++head)
    for (int64_t token = 0; token < stride; ++token) {
      const int64_t from = token < tokens ? tokens - 1 - token : token;
      const auto row = values.begin() + (head * stride + from) * size;
      out.insert(out.end(), row, row + size);
    }
  return out;
}

void check(const Row& row, const Tape& tape, const AuditInput& input, std::vector<HandlingRow>& found) {
  const std::function<std::unique_ptr<KvCache>()> make = [&] { return input.make(tape.shape); };
  const Record expected(tape, make, true);
  OperationTrial trial{tape, make, expected, true, {}};
  try_operation(find_lifecycle_operation(row.operation), trial);
  if (trial.applies) found.push_back({std::string(row.name), trial.found});
}

}  // namespace

BatchOfTwo::BatchOfTwo(const Tape& one) : tape_(one) {
  tape_.shape.batch = 2;
  for (const std::vector<float>& layer : one.key) key_.push_back(beside_itself_backwards(layer, one.shape, one.stride, one.tokens));
  for (const std::vector<float>& layer : one.value) value_.push_back(beside_itself_backwards(layer, one.shape, one.stride, one.tokens));
  tape_.key = key_;
  tape_.value = value_;
}

std::vector<HandlingRow> check_handling(const AuditInput& input) {
  const Tape one = shortened(input);
  const BatchOfTwo two(one);
  std::vector<HandlingRow> found;
  for (const Row& row : rows) {
    try {
      check(row, row.two_sequences ? two.tape() : one, input, found);
    } catch (const UserError& error) {
      if (error.code() != ExitCode::usage) throw;
    }
  }
  return found;
}

}  // namespace kvdiff
