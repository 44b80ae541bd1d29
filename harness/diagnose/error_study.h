#pragma once
#include "harness/diagnose/diagnosis.h"
#include "harness/diagnose/material.h"

namespace kvdiff {

// What the first run and the caches alone say of the error, before any trial: diagnosis.flushes but for its cost,
// diagnosis.errors and diagnosis.error_maps. `fed`: what the reference wrote, the prompt and all tokens but the last, which
// nobody is fed. The run's lanes: reference, control, candidate, gentler formats; modes local and forced.
void study_errors(const RunReport& base, const Material& fed, ThreadPool& pool, Diagnosis& diagnosis);

}  // namespace kvdiff
