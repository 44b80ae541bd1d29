#pragma once

namespace kvdiff {

// Decided by the caller: NO_COLOR, terminals, pipes and locales are not a report's business.
struct RenderOptions {
  int width = 100;      // columns; less than 40 is treated as 40, more than 200 as 200
  bool color = false;   // ANSI colours
  bool unicode = true;  // false: ASCII alone
};

}  // namespace kvdiff
