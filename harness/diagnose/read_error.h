#pragma once
#include "harness/diagnose/error_profile.h"
#include "harness/diagnose/replay.h"

namespace kvdiff {

// By head, channel and kind of token, of one side of one layer when the text has been fed. `written` is left empty.
ReadError read_error(const Material& material, int layer, Side side, const ReplayedSide& replayed);

}  // namespace kvdiff
