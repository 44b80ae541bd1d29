#pragma once
#include <string>
#include <string_view>

namespace kvdiff::test {

// CHECKs that `text` is what tests/golden/NAME holds. With KVDIFF_ACCEPT=1 in the environment the file is written instead,
// for a person to look at the difference before it is committed.
void check_golden(std::string_view name, const std::string& text);

}  // namespace kvdiff::test
