#pragma once
#include "harness/diagnose/diagnosis.h"
#include "harness/diagnose/diagnosis_json.h"

namespace kvdiff {

// diagnosis.json's parts that say what the error does, without a trial but for two numbers.
Json json_of(const FlushTimeline& timeline);
Json json_of(const ErrorProfile& profile);
Json json_of(const ErrorMap& map);
Json json_of(const TokenRangeScore& score);

}  // namespace kvdiff
