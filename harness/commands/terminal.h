#pragma once
#include "harness/report_format.h"

namespace kvdiff {

// As standard output can show it: the terminal's width, colours unless NO_COLOR or a pipe, Unicode where the locale has it.
RenderOptions options_for_standard_output();

}  // namespace kvdiff
