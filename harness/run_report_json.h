#pragma once
#include <string>
#include <string_view>

#include "harness/run_report.h"

// The report as JSON, schema `kvdiff.report/1` (reports/report.schema.json).
// - Every key is always there, in one order (metrics by name); numbers are the shortest that read back as the same bits.
// - A number that is not finite, or that has a reason not to be there, is null, and then a sibling `<name>_reason` says
//   why: a text, or for an array an object from index to text. Nothing else has such a sibling.
// - null for an object, or for `onset.step` and the offsets in a text: there is none.
// - Two runs of the same build on the same input differ in `environment.time` and `timing` alone.
namespace kvdiff {

// Bytes that are no UTF-8 are replaced by U+FFFD. Ends with a line break.
std::string report_json(const RunReport& report);

// Strict: keys that are missing, unknown or given twice, other types and other schemas are UserError(input), which names
// the place (a JSON pointer), what was found and what was expected.
RunReport read_report(std::string_view text);

// The same from a file; messages begin with its name.
RunReport read_report_file(const std::string& path);

}  // namespace kvdiff
