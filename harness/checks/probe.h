#pragma once
#include "harness/checks/check.h"
#include "harness/run/prepare.h"

namespace kvdiff {

// Runs the model over natural_text() (256 tokens at most) in one pass, without any cache: losses and hidden states.
ReferenceFacts probe_reference(Engine& engine, const TextModel& text);

// The losses with another RoPE base: the model is made anew.
ThetaProbe probe_base(const Loaded& loaded, double theta);

// Other RoPE bases that are in use: a model with a wrong one may still write sound text. Nothing where the vocabulary is too
// small for a language: what it finds likely says nothing.
void probe_bases(Loaded& loaded, ReferenceFacts& facts);

// The bases, and the first 64 tokens in float64 where there is an oracle: asked only when the reference goes wrong.
void probe_further(Loaded& loaded, const RunPlace& place, ReferenceFacts& facts);

}  // namespace kvdiff
