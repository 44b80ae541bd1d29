#include <cstdio>
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#include <catch2/catch_session.hpp>
namespace {
using ListenerBase = Catch::EventListenerBase;
}
int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
#else
#define CATCH_CONFIG_MAIN
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>
namespace {
using ListenerBase = Catch::TestEventListenerBase;
}
#endif

namespace {

// The line that count_cases.py adds up. Catch2 v2 has no skipped test cases.
template <class Counts>
void print_cases(const Counts& cases) {
  unsigned long long skipped = 0;
  if constexpr (requires { cases.skipped; }) skipped = cases.skipped;
  const unsigned long long failed = cases.failed, passed = cases.passed + cases.failedButOk;
  std::printf("cases: %llu passed, %llu failed, %llu skipped\n", passed, failed, skipped);
}

class CaseCount : public ListenerBase {
 public:
  using ListenerBase::ListenerBase;
  void testRunEnded(const Catch::TestRunStats& stats) override { print_cases(stats.totals.testCases); }
};

CATCH_REGISTER_LISTENER(CaseCount)

}  // namespace
