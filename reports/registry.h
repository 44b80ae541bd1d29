#pragma once
#include <span>
#include <string>
#include <string_view>

#include "harness/run_report.h"
#include "reports/render.h"

namespace kvdiff {

// One row per format: registry.cpp. A format is one file that defines its function, and one row.
std::span<const ReportFormat> report_formats();
ReportRoom report_room();  // what main.cpp gives the command line

std::string render_json(const RunReport& report, const RenderOptions& options);      // json.cpp
std::string render_markdown(const RunReport& report, const RenderOptions& options);  // markdown.cpp

std::string diagnosis_console(const Diagnosis& diagnosis, const RenderOptions& options);   // diagnosis_console.cpp
std::string diagnosis_as_json(const Diagnosis& diagnosis, const RenderOptions& options);   // diagnosis_json.cpp
std::string diagnosis_markdown(const Diagnosis& diagnosis, const RenderOptions& options);  // diagnosis_markdown.cpp

}  // namespace kvdiff
