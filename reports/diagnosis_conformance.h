#pragma once
#include <string>

#include "harness/diagnose/diagnosis.h"
#include "reports/console_sections.h"
#include "reports/render.h"

namespace kvdiff {

// Is the cache what its spec says? One sentence where it is, a table of the sides that differ where it is not.
std::string conformance_text(const Diagnosis& diagnosis);  // "": it was not asked
Lines conformance_lines(const Diagnosis& diagnosis, const RenderOptions& options);
std::string conformance_markdown(const Diagnosis& diagnosis);

}  // namespace kvdiff
