#pragma once
#include <vector>

#include "harness/audit/audit.h"

namespace kvdiff {

// The text beside itself read backwards: two sequences for what only a batch can show.
class BatchOfTwo {
 public:
  explicit BatchOfTwo(const Tape& one);
  const Tape& tape() const { return tape_; }

 private:
  std::vector<std::vector<float>> key_, value_;
  Tape tape_;
};

// The operations of harness/lifecycle that are worth their time on a model's own keys and values. What it throws is a
// difference, too; an operation that does not apply, or a batch that the codec cannot hold, is left out.
std::vector<HandlingRow> check_handling(const AuditInput& input);

}  // namespace kvdiff
