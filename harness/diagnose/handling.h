#pragma once
#include <vector>

#include "harness/diagnose/diagnosis.h"
#include "harness/diagnose/material.h"

namespace kvdiff {

// Is the candidate's cache handled soundly? Each operation is done to a cache fed with what the reference wrote, in the
// middle of the text; afterwards it must hold, to the bit, what one holds that it was never done to. One row each.
std::vector<HandlingCheck> check_handling(const CacheSpec& spec, const Material& material);

}  // namespace kvdiff
