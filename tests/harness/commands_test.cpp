#include "harness/commands/machine.h"
#include "harness/commands/progress.h"
#include "harness/commands/report_output.h"
#include "tests/catch.h"

namespace kvdiff {

TEST_CASE("Progress says steps, lanes, speed and time left", "[commands]") {
  Progress progress{.phase = "decode", .step = 64, .steps = 256, .rows = 0, .lanes = 13};
  CHECK(progress_line(progress, 0, 3.2) == "decode 64/256, 13 lanes, 20.0 tokens/s, 0:10 left");
  CHECK(progress_line(progress, 64, 0.0) == "decode 64/256, 13 lanes");
  progress.steps = 64 + 72000;
  CHECK(progress_line(progress, 44, 1) == "decode 64/72064, 13 lanes, 20.0 tokens/s, 1:00:00 left");
}

TEST_CASE("Several prompts' reports get names of their own", "[commands]") {
  CHECK(with_suffix("run.json", "short") == "run-short.json");
  CHECK(with_suffix("a.b/run", "2") == "a.b/run-2");
}

TEST_CASE("The console report goes to standard output unless something else does", "[commands]") {
  CHECK(report_targets({}, true).empty());
  CHECK(report_targets({}, false).at(0).format == "console");
  CHECK(report_targets({{"json", "x"}}, false).size() == 2);
  CHECK(report_targets({{"json", ""}}, false).size() == 1);
  CHECK(report_targets({{"json", "-"}}, false).size() == 1);
}

TEST_CASE("Sizes read well", "[commands]") {
  CHECK(bytes_text(int64_t{3} << 29) == "1.5 GiB");
  CHECK(bytes_text(812 << 20) == "812 MiB");
  CHECK(bytes_text(2048) == "2 KiB");
  CHECK(hardware_threads() >= 1);
}

}  // namespace kvdiff
