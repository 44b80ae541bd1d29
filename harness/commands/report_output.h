#pragma once
#include <string>
#include <vector>

#include "harness/options.h"
#include "harness/report_format.h"

namespace kvdiff {

// Which reports to write, where: the console report on standard output unless it is quiet or another report goes there.
std::vector<ReportTarget> report_targets(std::vector<ReportTarget> asked, bool quiet);

// Before a long run, not after it. Throws UserError: usage for an unknown format, with the nearest; io for a file that
// cannot be written.
void check_targets(const ReportRoom& reports, const std::vector<ReportTarget>& targets);

// Writes all that can be written; the first that could not is then thrown.
void write_reports(const ReportRoom& reports, const RunReport& report, const std::vector<ReportTarget>& targets);

// The same for a diagnosis.
void check_diagnosis_targets(const ReportRoom& reports, const std::vector<ReportTarget>& targets);
void write_diagnosis(const ReportRoom& reports, const Diagnosis& diagnosis, const std::vector<ReportTarget>& targets);

// "run.json" and "short" -> "run-short.json".
std::string with_suffix(const std::string& file, const std::string& suffix);

}  // namespace kvdiff
