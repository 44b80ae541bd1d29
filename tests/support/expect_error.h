#pragma once
#include <string>
#include <string_view>

#include "cache_backends/error.h"
#include "tests/catch.h"

namespace kvdiff::test {

// Runs the action, which must throw UserError with this code, and returns the message ("" when it does not throw; the
// test has failed then).
template <class Action>
std::string message_of(ExitCode code, Action&& action) {
  try {
    action();
  } catch (const UserError& error) {
    CHECK(error.code() == code);
    return error.what();
  }
  FAIL_CHECK("no UserError was thrown");
  return "";
}

// The same for input errors, where the message must hold all of the parts.
template <class Action, class... Parts>
void check_refused(Action&& action, const Parts&... parts) {
  const std::string message = message_of(ExitCode::input, action);
  INFO(message);
  const std::string_view wanted[] = {parts...};
  for (const std::string_view part : wanted) {
    INFO("expected: " << part);
    CHECK(message.find(part) != std::string::npos);
  }
}

}  // namespace kvdiff::test
