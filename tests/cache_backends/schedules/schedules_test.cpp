#include "cache_backends/schedules/schedule.h"

#include "cache_backends/error.h"
#include "tests/catch.h"
#include "tests/support/messages.h"

using namespace kvdiff;

namespace {

// The decode steps (1 is the first after the prefill) at which a history is encoded again.
std::vector<int64_t> flush_steps(std::string_view schedule, int64_t residual_length, int64_t steps) {
  std::vector<int64_t> flushed;
  int64_t residual = 0;
  for (int64_t step = 1; step <= steps; ++step) {
    const FlushPlan plan = find_schedule(schedule).plan(
        {.first = false, .residual = residual, .fresh = 1, .residual_length = residual_length});
    residual = plan.history ? 0 : residual + 1;
    if (plan.history) flushed.push_back(step);
  }
  return flushed;
}

FlushPlan at(std::string_view schedule, Arrival arrival) { return find_schedule(schedule).plan(arrival); }

using Steps = std::vector<int64_t>;

}  // namespace

TEST_CASE("hf flushes when transformers does: 5.23, 5.15 and 4.54", "[schedule]") {
  for (const std::string_view newer : {"hf", "hf-4.54"}) {
    INFO(newer);
    CHECK(flush_steps(newer, 0, 6) == Steps{1, 2, 3, 4, 5, 6});
    CHECK(flush_steps(newer, 1, 6) == Steps{1, 2, 3, 4, 5, 6});
    CHECK(flush_steps(newer, 2, 7) == Steps{2, 4, 6});
    CHECK(flush_steps(newer, 3, 10) == Steps{3, 6, 9});
    CHECK(flush_steps(newer, 128, 400) == Steps{128, 256, 384});
  }
  CHECK(flush_steps("hf-5.15", 0, 7) == Steps{2, 4, 6});
  CHECK(flush_steps("hf-5.15", 1, 7) == Steps{2, 4, 6});
  CHECK(flush_steps("hf-5.15", 2, 7) == Steps{2, 4, 6});
  CHECK(flush_steps("hf-5.15", 3, 10) == Steps{3, 6, 9});
  CHECK(flush_steps("hf-5.15", 128, 400) == Steps{128, 256, 384});
}

TEST_CASE("hf encodes the first piece of a prompt whole; later pieces follow each version's test", "[schedule]") {
  for (const std::string_view name : {"hf", "hf-5.15", "hf-4.54"}) {
    CHECK(at(name, {.first = true, .fresh = 5, .residual_length = 128}).history);
    CHECK_FALSE(at(name, {.first = false, .residual = 100, .fresh = 20, .residual_length = 128}).history);
  }
  // A second piece larger than R: encoded at once by 5.23 and 4.54, kept whole in the residual by 5.15,
  const Arrival second{.first = false, .residual = 0, .fresh = 200, .residual_length = 128};
  CHECK(at("hf", second).history);
  CHECK(at("hf-4.54", second).history);
  CHECK_FALSE(at("hf-5.15", second).history);
  // whose next update, of any size, flushes.
  CHECK(at("hf-5.15", {.first = false, .residual = 200, .fresh = 1, .residual_length = 128}).history);
  // 5.15 counts one new token, whatever their number.
  CHECK_FALSE(at("hf-5.15", {.first = false, .residual = 126, .fresh = 50, .residual_length = 128}).history);
  CHECK(at("hf", {.first = false, .residual = 126, .fresh = 50, .residual_length = 128}).history);
}

TEST_CASE("streaming: blocks of R keys, values one by one out of a window of R", "[schedule]") {
  const auto tokens = [](Side side, int64_t residual, int64_t fresh) {
    return at("streaming", {.side = side, .residual = residual, .fresh = fresh, .residual_length = 32}).tokens;
  };
  // KIVI's prefill: keys [0, N - N % R), values [0, N - R).
  CHECK(tokens(Side::key, 0, 31) == 0);
  CHECK(tokens(Side::key, 0, 32) == 32);
  CHECK(tokens(Side::key, 0, 100) == 96);
  CHECK(tokens(Side::value, 0, 32) == 0);
  CHECK(tokens(Side::value, 0, 100) == 68);
  // and its decode steps.
  CHECK(tokens(Side::key, 30, 1) == 0);
  CHECK(tokens(Side::key, 31, 1) == 32);
  CHECK(tokens(Side::value, 32, 1) == 1);
  CHECK(at("streaming", {.side = Side::key, .residual = 31, .fresh = 1, .residual_length = 32}).unit == 32);
  CHECK(at("streaming", {.side = Side::value, .residual = 32, .fresh = 1, .residual_length = 32}).unit == 1);
  // A value codec that shares scales between tokens waits for a block as keys do.
  const Arrival shared{.side = Side::value, .residual = 32, .fresh = 1, .residual_length = 32, .shares_scale = true};
  CHECK(at("streaming", shared).tokens == 32);
  CHECK(at("streaming", shared).unit == 32);
}

TEST_CASE("immediate encodes what exceeds the window, full nothing", "[schedule]") {
  CHECK(at("immediate", {.residual = 0, .fresh = 1, .residual_length = 0}).tokens == 1);
  CHECK(at("immediate", {.residual = 0, .fresh = 100, .residual_length = 0}).tokens == 100);
  CHECK(at("immediate", {.residual = 0, .fresh = 100, .residual_length = 64}).tokens == 36);
  CHECK(at("immediate", {.residual = 64, .fresh = 1, .residual_length = 64}).tokens == 1);
  CHECK_FALSE(at("full", {.residual = 0, .fresh = 100, .residual_length = 0}).any());
}

TEST_CASE("an unknown schedule is refused by name", "[schedule]") {
  CHECK(test::contains(test::user_error([] { find_schedule("imediate"); }), {"'imediate'", "mean 'immediate'"}));
}
