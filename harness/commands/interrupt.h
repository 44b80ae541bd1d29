#pragma once

namespace kvdiff {

// From now on the first SIGINT or SIGTERM only sets a flag, so that a run can end cleanly; the second kills.
void watch_for_interrupt();
bool interrupted();

}  // namespace kvdiff
