#include "harness/run/run.h"
#include "tests/catch.h"

using namespace kvdiff;

TEST_CASE("estimate: a run that does not fit says what it needs and which candidates to leave out", "[run]") {
  Case run;
  for (const char* spec : {"int8", "int4", "fp8", "q8_0"}) run.caches.push_back(parse_cache_spec(spec));
  const int64_t gibibyte = int64_t{1} << 30;
  const RunEstimate estimate{.bytes = 10 * gibibyte, .lane_bytes = gibibyte};
  const std::string two = memory_refusal(estimate, run, 8 * gibibyte + 1, "cuda:0");
  CHECK_THAT(two, Catch::Contains("on cuda:0") && Catch::Contains("needs about 10.00 GiB, 8.00 GiB are free") &&
                      Catch::Contains("leave out 2 of them, the last say (fp8, q8_0)"));
  CHECK_THAT(memory_refusal(estimate, run, 9 * gibibyte, "cuda:0"), Catch::Contains("leave out 1 of them, the last say (q8_0)"));
  CHECK_THAT(memory_refusal(estimate, run, gibibyte, "cuda:0"), Catch::Contains("no choice of --cache alone makes it fit"));
}
