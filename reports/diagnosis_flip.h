#pragma once
#include <string>
#include <vector>

#include "harness/diagnose/diagnosis.h"
#include "reports/console_sections.h"
#include "reports/render.h"

// The sections of a diagnosis that stand in files of their own. Empty: nothing to say.
namespace kvdiff {

using LabelledRow = std::pair<std::string, std::string>;

// diagnosis_flip.cpp: the step at which the text parts.
Lines flip_account_lines(const Diagnosis& diagnosis, const RenderOptions& options);
Lines flip_table_lines(const Diagnosis& diagnosis, const RenderOptions& options);
std::string flip_markdown(const Diagnosis& diagnosis);

// The scan without the sides that do no more than the arithmetic floor, which nobody names.
std::vector<PartScore> suspected(const Diagnosis& diagnosis);

// diagnosis_zoom.cpp: the arithmetic floor, the interval, restore, the set by itself, pairs, tokens.
std::vector<LabelledRow> zoom_rows(const Diagnosis& diagnosis);  // label and sentence
Lines restored_lines(const Diagnosis& diagnosis, const RenderOptions& options);
Lines company_lines(const Diagnosis& diagnosis, const RenderOptions& options);
Lines token_lines(const Diagnosis& diagnosis, const RenderOptions& options);
std::string zoom_markdown(const Diagnosis& diagnosis);
std::string tokens_markdown(const Diagnosis& diagnosis);  // what token_lines says

std::string positions_text(const TokenRange& tokens);  // "0", "4 to 36"

// diagnosis_further.cpp: the named set on further prompts.
std::string further_text(const FurtherPromptsFinding& found);  // one sentence
Lines further_lines(const Diagnosis& diagnosis, const RenderOptions& options);
std::string further_markdown(const Diagnosis& diagnosis);

}  // namespace kvdiff
