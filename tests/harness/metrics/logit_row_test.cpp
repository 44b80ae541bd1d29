#include "harness/metrics/logit_row.h"

#include <bit>
#include <cmath>
#include <limits>

#include "cache_backends/device/array.h"
#include "cache_backends/kernels/token_noise.h"
#include "tests/cache_backends/device/test_device.h"
#include "tests/catch.h"
#include "tests/support/random.h"

// A row of logits on a device answers as one on the host, and little comes over.
namespace kvdiff {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();

uint64_t bits(double x) { return std::bit_cast<uint64_t>(x); }
bool same(const TokenLogit& a, const TokenLogit& b) {
  return a.token == b.token && std::bit_cast<uint32_t>(a.logit) == std::bit_cast<uint32_t>(b.logit);
}
bool same(const std::vector<TokenLogit>& a, const std::vector<TokenLogit>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) { return same(x, y); });
}

void check_same(const LogitRow& there, const LogitRow& here) {
  for (const double temperature : {1.0, 0.3, 7.5}) {
    CHECK(bits(there.weight(temperature)) == bits(here.weight(temperature)));
    CHECK(there.noisiest(temperature, noise_key(5, 3)) == here.noisiest(temperature, noise_key(5, 3)));
  }
  CHECK(bits(there.log_sum().largest) == bits(here.log_sum().largest));
  CHECK(bits(there.log_sum().log_sum) == bits(here.log_sum().log_sum));
  const std::vector<TokenLogit> first = here.largest(7);
  CHECK(same(there.largest(7), first));
  if (!first.empty()) CHECK(same(there.largest(300, first.back()), here.largest(300, first.back())));
  for (int32_t id = 0; id < here.size(); id += 37) CHECK(same({there.at(id), id}, {here.at(id), id}));
}

// Ties and zeros of both signs among drawn ones.
std::vector<float> drawn(int64_t vocabulary) {
  test::Random random(static_cast<uint64_t>(vocabulary));
  std::vector<float> row = random.normals(vocabulary);
  for (size_t i = 0; i < row.size(); i += 5) row[i] = std::round(row[i]);
  return row;
}

}  // namespace

TEST_CASE("a row of logits: the device answers as the host, bit for bit", "[metrics][device]") {
  const auto device = test::test_device();
  for (const int64_t vocabulary : {1, 2, 7, 8, 9, 255, 513, 1030, 3001}) {
    INFO(vocabulary << " logits");
    std::vector<float> row = drawn(vocabulary);
    const device::Array<float> there(*device, row);
    check_same(LogitRow(there.span(), device.get()), LogitRow(row));
    for (const float broken : {nan, inf, -inf}) {
      row[row.size() / 2] = broken;
      const device::Array<float> with(*device, row);
      const LogitRow on_device(with.span(), device.get());
      CHECK(same(on_device.largest(9), LogitRow(row).largest(9)));
      CHECK(on_device.noisiest(2, 8) == LogitRow(row).noisiest(2, 8));
      CHECK(bits(on_device.log_sum().log_sum) == bits(LogitRow(row).log_sum().log_sum));
    }
  }
}

TEST_CASE("a row of logits: all at once is the same as one after another", "[metrics]") {
  const std::vector<float> values = drawn(200);
  const LogitRow row(values);
  std::vector<TokenLogit> one_by_one;
  while (one_by_one.size() < 200)
    one_by_one.push_back(row.largest(1, one_by_one.empty() ? std::nullopt : std::optional(one_by_one.back())).front());
  CHECK(same(row.largest(500), one_by_one));
  CHECK(row.largest(1, one_by_one.back()).empty());
}

TEST_CASE("a row of logits: what of it comes over from a device is what was asked for", "[metrics][device]") {
  const auto device = test::test_device();
  const device::Array<float> there(*device, drawn(20000));
  const LogitRow row(there.span(), device.get());
  row.largest(5);
  row.log_sum();
  row.noisiest(1, 1);
  CHECK(device->log().bytes_out < 200);
}

TEST_CASE("surprise of tokens: the same on a device, and a row that is not finite has none", "[metrics][device]") {
  const auto device = test::test_device();
  ThreadPool pool(2);
  std::vector<float> rows;
  for (int64_t i = 0; i < 5; ++i) {
    const std::vector<float> row = drawn(700);
    rows.insert(rows.end(), row.begin() + i, row.end());
    rows.insert(rows.end(), row.begin(), row.begin() + i);
  }
  rows[3 * 700 + 9] = inf;
  const std::vector<int32_t> tokens = {0, 699, 5, 6, 350};
  const std::vector<double> here = nll_of_rows(rows, tokens, nullptr, pool);
  const device::Array<float> there(*device, rows);
  const std::vector<double> found = nll_of_rows(there.span(), tokens, device.get(), pool);
  for (size_t i = 0; i < 5; ++i) CHECK(bits(found[i]) == bits(here[i]));
  CHECK(std::isnan(found[3]));
  CHECK(here[0] > 0);
}

}  // namespace kvdiff
