#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

#include "cache_backends/error.h"

namespace kvdiff::test {

inline bool contains(const std::string& text, std::initializer_list<std::string_view> pieces) {
  for (const std::string_view piece : pieces) {
    if (text.find(piece) == std::string::npos) return false;
  }
  return true;
}

// What a UserError says; empty if none was thrown.
template <typename Function>
std::string user_error(Function&& function, ExitCode code = ExitCode::usage) {
  try {
    function();
  } catch (const UserError& error) {
    return error.code() == code ? error.what() : "another exit code";
  }
  return "";
}

}  // namespace kvdiff::test
