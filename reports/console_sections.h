#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "harness/run_report.h"
#include "reports/paint.h"

// The parts of the console report, in the order in which they stand. Each is a list of lines; empty: nothing to say.
namespace kvdiff {

using Lines = std::vector<std::string>;

Lines verdict_lines(const RunReport& report, const RenderOptions& options);       // console_verdict.cpp
Lines frame_lines(const RunReport& report, const RenderOptions& options);
Lines lane_table_lines(const RunReport& report, const RenderOptions& options);    // console_lanes.cpp
Lines divergence_lines(const RunReport& report, const RenderOptions& options);    // console_text.cpp
Lines text_lines(const RunReport& report, const RenderOptions& options);
Lines local_lines(const RunReport& report, const RenderOptions& options);         // console_error.cpp
Lines forced_lines(const RunReport& report, const RenderOptions& options);
Lines receipt_lines(const RunReport& report, const RenderOptions& options);       // console_proof.cpp
Lines warning_lines(const RunReport& report, const RenderOptions& options);
Lines not_measured_lines(const RunReport& report, const RenderOptions& options);
Lines reproduce_lines(const RunReport& report, const RenderOptions& options);

// Shared by them.
std::string shown(std::string_view text, const RenderOptions& options);   // printable, in the options' characters
std::string dash(const RenderOptions& options);                           // what stands where there is no number
// A lane's name, and what is said of it, on a line of its own.
Lines name_lines(std::string_view name, std::string_view remark, const RenderOptions& options);
// `text`, wrapped, behind `label`: beside it where labels are short enough, below it where they are not. An empty label
// goes on with the lane above.
Lines labelled(std::string_view label, int label_width, std::string_view text, const RenderOptions& options);
// Columns for the labels of these lanes in a line of that width; 0: each label stands on a line of its own.
int label_width(const std::vector<const LaneReport*>& lanes, const RenderOptions& options);

}  // namespace kvdiff
