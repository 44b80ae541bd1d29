#pragma once
#include <string>

#include "harness/diagnose/diagnosis.h"
#include "reports/console_sections.h"

// Parts of the diagnosis report that have a file of their own. Lines for the console; text for Markdown, with a blank line
// in front. Empty: nothing to say.
namespace kvdiff {

Lines flush_lines(const Diagnosis& diagnosis, const RenderOptions& options);        // diagnosis_flushes.cpp
std::string flush_markdown(const Diagnosis& diagnosis);
Lines layer_error_lines(const Diagnosis& diagnosis, const RenderOptions& options);  // diagnosis_errors.cpp
Lines token_kind_lines(const Diagnosis& diagnosis, const RenderOptions& options);
Lines token_healing_lines(const Diagnosis& diagnosis, const RenderOptions& options);
std::string error_markdown(const Diagnosis& diagnosis);
Lines error_map_lines(const Diagnosis& diagnosis, const RenderOptions& options);    // diagnosis_error_map.cpp
std::string error_map_markdown(const Diagnosis& diagnosis);

// Several lists of lines joined in a table of Markdown: cells are escaped here.
std::string markdown_table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows);

}  // namespace kvdiff
