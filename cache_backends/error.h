#pragma once
#include <stdexcept>
#include <string>

namespace kvdiff {

// The documented interface of the program: README.md, "Exit codes".
enum class ExitCode {
  passed = 0,
  regression = 1,
  usage = 2,
  input = 3,
  environment = 4,
  nothing_to_do = 5,
  baseline = 6,
  inconclusive = 7,
  invalid = 8,
  internal = 70,
  io = 74,
  interrupted = 75,
};

// A mistake of the user's or of the user's files. The message says what was found, what was expected and what to do.
// Caught once, in main.
class UserError : public std::runtime_error {
 public:
  UserError(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// A broken invariant: our bug. Ends the program with ExitCode::internal.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace kvdiff
