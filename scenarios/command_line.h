#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/case.h"

namespace kvdiff {

// The case's name is the command line that runs it again: the model, the prompt, the candidates, and of the rest what
// differs from the defaults. Words as a program receives them, "kvdiff" and "run" first.
std::vector<std::string> arguments(const Case& run);

// The same as one line that pastes into a shell.
std::string command_line(const Case& run);

// A word as bash and zsh (and, without control characters, any POSIX shell) read it back.
std::string shell_quoted(std::string_view word);

}  // namespace kvdiff
