#pragma once
#include "harness/checks/check.h"

// One file per group, one row per check.
namespace kvdiff {

std::span<const CheckRow> weight_checks();
std::span<const CheckRow> structure_checks();
std::span<const CheckRow> config_checks();
std::span<const CheckRow> tokenizer_checks();
std::span<const CheckRow> arithmetic_checks();
std::span<const CheckRow> reference_checks();
std::span<const CheckRow> prompt_checks();
std::span<const CheckRow> position_checks();

}  // namespace kvdiff
