#pragma once
#include <span>
#include <string>
#include <string_view>

#include "harness/compare/compare_reports.h"
#include "harness/diagnose/diagnosis.h"
#include "harness/run_report.h"

// What a report looks like from the left of the reports room: the command line is given its formats by main.cpp.
namespace kvdiff {

// Decided by the caller: NO_COLOR, terminals, pipes and locales are not a report's business.
struct RenderOptions {
  int width = 100;      // columns; less than 40 is treated as 40, more than 200 as 200
  bool color = false;   // ANSI colours
  bool unicode = true;  // false: ASCII alone
};

struct ReportFormat {
  std::string_view name, summary;
  std::string (*render)(const RunReport& report, const RenderOptions& options);
};

// The same names for a diagnosis.
struct DiagnosisFormat {
  std::string_view name, summary;
  std::string (*render)(const Diagnosis& diagnosis, const RenderOptions& options);
};

struct ReportRoom {
  std::span<const ReportFormat> formats;
  std::span<const DiagnosisFormat> diagnosis_formats;
  std::string (*comparison)(const Comparison& comparison, const RenderOptions& options);
};

// Throw UserError(usage) with the nearest.
const ReportFormat& find_format(const ReportRoom& room, std::string_view name);
const DiagnosisFormat& find_diagnosis_format(const ReportRoom& room, std::string_view name);

}  // namespace kvdiff
