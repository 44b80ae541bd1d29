#include <atomic>
#include <stdexcept>
#include <vector>

#include "harness/parallel.h"
#include "tests/catch.h"

using kvdiff::ThreadPool;

TEST_CASE("thread pool: every task runs once, in many short rounds", "[parallel]") {
  ThreadPool pool(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::atomic<int>> done(static_cast<size_t>(round % 17));
    pool.run(static_cast<int64_t>(done.size()), [&](int64_t index, int worker) {
      REQUIRE(worker < pool.threads());
      ++done[static_cast<size_t>(index)];
    });
    for (const auto& count : done) REQUIRE(count == 1);
  }
}

TEST_CASE("thread pool: an exception comes back to the caller and the pool lives on", "[parallel]") {
  ThreadPool pool(2);
  CHECK_THROWS_AS(pool.run(100, [](int64_t index, int) { if (index == 40) throw std::runtime_error("x"); }),
                  std::runtime_error);
  std::atomic<int> count{0};
  pool.run(10, [&](int64_t, int) { ++count; });
  CHECK(count == 10);
}
