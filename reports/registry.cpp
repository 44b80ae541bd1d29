#include "reports/registry.h"

#include "reports/comparison.h"
#include "reports/console.h"

namespace kvdiff {
namespace {

constexpr ReportFormat formats[] = {
    {"console", "for a person, top to bottom: verdict, lanes, text, where error is made, how it grows", console_report},
    {"json", "everything, for programs: schema kvdiff.report/1; `kvdiff show` and `compare` read it", render_json},
    {"markdown", "a short table that pastes into a ticket", render_markdown},
};

constexpr DiagnosisFormat diagnosis_formats[] = {
    {"console", "for a person: the four questions, place, cause and cure, then the tables", diagnosis_console},
    {"json", "everything, for programs: schema kvdiff.diagnosis/1", diagnosis_as_json},
    {"markdown", "for a ticket", diagnosis_markdown},
};

}  // namespace

std::span<const ReportFormat> report_formats() { return formats; }

ReportRoom report_room() { return {formats, diagnosis_formats, comparison_report}; }

}  // namespace kvdiff
