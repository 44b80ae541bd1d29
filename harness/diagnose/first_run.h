#pragma once
#include <optional>
#include <string>

#include "harness/diagnose/diagnosis.h"

namespace kvdiff {

// What the first run, of the candidate and the gentler formats, says by itself.

// Where it was run, and its lanes but the control.
void describe_run(const RunReport& base, Diagnosis& diagnosis);

// Encodings of the history that attention had read by that step, less one: 0 is the prompt's, -1 none.
int64_t flushes_read(const LaneReport& lane, int64_t step);

// The first step that shows anything: the text parts, the onset, or a value that is not finite. None: nothing to explain.
std::optional<int64_t> first_sign(const LaneReport& lane);

std::string largest_difference(const LaneReport& lane);  // in words

}  // namespace kvdiff
