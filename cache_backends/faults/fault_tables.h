#pragma once
#include <span>

#include "cache_backends/faults/planted_fault.h"

namespace kvdiff {

// The parts of the table, one file each.
std::span<const PlantedFault> scale_faults();
std::span<const PlantedFault> layout_faults();
std::span<const PlantedFault> position_faults();
std::span<const PlantedFault> state_faults();
std::span<const PlantedFault> spec_faults();

}  // namespace kvdiff
