#pragma once
#include <string>
#include <vector>

namespace kvdiff {

// Gathers everything that is wrong with a file, so that a user sees it at once. The first ten are shown, all are counted.
class ProblemList {
 public:
  explicit ProblemList(std::string file) : file_(std::move(file)) {}
  void add(std::string problem);
  void raise_if_any() const;  // throws UserError(ExitCode::input)

 private:
  std::string file_;
  std::vector<std::string> shown_;
  size_t count_ = 0;
};

}  // namespace kvdiff
