#include "harness/run/control_checks.h"

#include "tests/cache_backends/device/test_device.h"
#include "tests/catch.h"

// The control beside the reference: the first difference is found, wherever it is looked for and however many come before it.
namespace kvdiff {
namespace {

struct Asked {
  int64_t step;
  bool same_size = true;
  bool same_bits = true;
};

ControlDifference found(const Compute& compute, const std::vector<Asked>& all) {
  ControlChecks checks(compute);
  Values reference, control;
  compute.set(reference, std::vector<float>{1, 0, 3});
  for (const Asked& one : all) {
    compute.set(control, std::vector<float>{1, one.same_bits ? 0.0f : -0.0f, 3});
    checks.compare({true, one.step, 2, Stage::value}, reference.span(), control.span().subspan(one.same_size ? 0 : 1));
  }
  const ControlDifference first = checks.first();
  CHECK(first.found == checks.known());
  CHECK(checks.first().step == first.step);
  return first;
}

std::vector<Asked> equal(int64_t count) {
  std::vector<Asked> all;
  for (int64_t step = 0; step < count; ++step) all.push_back({step});
  return all;
}

void check_all(const Compute& compute) {
  CHECK_FALSE(found(compute, {}).found);
  CHECK_FALSE(found(compute, equal(9000)).found);
  for (const int64_t at : {0, 1, 4094, 4095, 4096, 8191, 8192, 8999}) {
    INFO("comparison " << at);
    std::vector<Asked> all = equal(9000);
    for (size_t i = static_cast<size_t>(at); i < all.size(); i += 1000) all[i].same_bits = false;
    const ControlDifference first = found(compute, all);
    CHECK(first.found);
    CHECK(first.step == at);
    CHECK(first.layer == 2);
    CHECK(first.stage == Stage::value);
  }
  CHECK(found(compute, {{5}, {6, false}, {7, true, false}}).step == 6);
  CHECK(found(compute, {{5}, {6, true, false}, {7, false}}).step == 6);
}

}  // namespace

TEST_CASE("control checks: the first difference is found, on the host and on a device", "[device][lockstep]") {
  ThreadPool pool(1);
  check_all(*make_host_compute(pool));
  const auto device = test::test_device();
  check_all(*make_device_compute(*device));
}

TEST_CASE("control checks: nobody waits for a comparison on a device before many were asked for", "[device][lockstep]") {
  const auto device = test::test_device();
  const auto compute = make_device_compute(*device);
  ControlChecks checks(*compute);
  Values values;
  compute->set(values, std::vector<float>{1, 2});
  const auto counts = [&] { return std::pair(device->log().copies_out, device->log().waits); };
  for (int i = 0; i < 2 * 4096 - 1; ++i) checks.compare({true, i}, values.span(), values.span());
  CHECK(counts() == std::pair<int64_t, int64_t>(1, 0));  // under way
  checks.compare({}, values.span(), values.span());
  CHECK(counts() == std::pair<int64_t, int64_t>(2, 1));
  checks.first();
  CHECK(counts() == std::pair<int64_t, int64_t>(2, 2));
}

}  // namespace kvdiff
