#pragma once
#include "harness/checks/check.h"
#include "harness/run/prepare.h"

namespace kvdiff {

// Runs the model over natural_text() (256 tokens at most) in one pass, without any cache: losses and hidden states.
ReferenceFacts probe_reference(Engine& engine, const TextModel& text);

// The losses with another RoPE base: the model is made anew.
ThetaProbe probe_base(const Loaded& loaded, double theta);

// Other RoPE bases that are in use, and the first 64 tokens in float64 where there is an oracle.
// What costs this much is asked only when the reference goes wrong.
void probe_further(Loaded& loaded, const RunPlace& place, ReferenceFacts& facts);

}  // namespace kvdiff
