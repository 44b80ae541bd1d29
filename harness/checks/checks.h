#pragma once
#include "harness/checks/check.h"

namespace kvdiff {

// All rows, group by group, those first whose failure explains the others.
std::vector<CheckRow> check_rows();

// One finding for each row, in that order.
std::vector<CheckFinding> run_checks(const CheckInput& input);

// The same, of the files alone: rows that need a prompt or a reference are left out.
std::vector<CheckFinding> run_file_checks(const CheckedFolder& model);

const CheckFinding* first_failed(const std::vector<CheckFinding>& findings);

// "weights.finite: found ..., expected ...; do ..."
std::string text_of(const CheckFinding& finding);

}  // namespace kvdiff
