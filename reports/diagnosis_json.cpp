#include "reports/registry.h"

namespace kvdiff {

std::string diagnosis_as_json(const Diagnosis& diagnosis, const RenderOptions&) { return diagnosis_json(diagnosis); }

}  // namespace kvdiff
