#pragma once
#include "harness/checks/check.h"
#include "harness/run/prepare.h"

namespace kvdiff {

// Runs the model over natural_text() (256 tokens at most) in one pass, without any cache: losses and hidden states.
ReferenceFacts probe_reference(Engine& engine, const TextModel& text);

// What tells damage from another language, where the text is unlikely (doubtful): the same tokens shuffled, and the model's own
// text behind its prompt (greedy, unless the run sampled), 256 tokens at most.
void probe_doubts(Engine& engine, const TextModel& text, std::span<const int32_t> prompt, std::span<const int32_t> own, ReferenceFacts& facts);
bool doubtful(const ReferenceFacts& facts);  // reference.cpp: it reads English worse than a model of English does

// The losses with another RoPE base: the model is made anew.
ThetaProbe probe_base(const Loaded& loaded, double theta);

// Other RoPE bases that are in use: a model with a wrong one may still write sound text. Nothing where the vocabulary is too
// small for a language: what it finds likely says nothing.
void probe_bases(Loaded& loaded, ReferenceFacts& facts);

// The bases, and the first 64 tokens in float64 where there is an oracle: asked only when the reference goes wrong.
void probe_further(Loaded& loaded, const RunPlace& place, ReferenceFacts& facts);

}  // namespace kvdiff
