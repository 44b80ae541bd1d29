#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "harness/commands/command.h"
#include "reports/registry.h"

int main(int count, char** words) {
  using kvdiff::ExitCode;
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error code of the write, not the end of the run
  const auto fail = [](ExitCode code, const char* kind, const char* message) {
    std::fprintf(stderr, "kvdiff: %s: %s\n", kind, message);
    return static_cast<int>(code);
  };
  try {
    return static_cast<int>(kvdiff::run_command_line(count, words, kvdiff::report_room()));
  } catch (const kvdiff::UserError& error) {
    return fail(error.code(), "error", error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::environment, "error", "not enough memory; fewer --cache, fewer --tokens or a smaller model need less");
  } catch (const std::exception& error) {
    return fail(ExitCode::internal, "internal error (this is a bug of kvdiff's)", error.what());
  }
}
