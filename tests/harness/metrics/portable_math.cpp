#include "harness/metrics/portable_math.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/catch.h"

using namespace kvdiff;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Distance in units in the last place of the correctly rounded result. long double must be wider than double (x86-64).
double ulps(double found, long double exact) {
  const double rounded = std::fabs(static_cast<double>(exact));
  const double unit = std::nextafter(rounded, infinity) - rounded;
  return static_cast<double>(std::fabs(static_cast<long double>(found) - exact) / static_cast<long double>(unit));
}

// A golden-ratio sequence: spread evenly, the same everywhere.
double spread(int i, double low, double high) {
  const double turn = 0.6180339887498949 * i;
  return low + (high - low) * (turn - std::floor(turn));
}

}  // namespace

TEST_CASE("exp is within one unit in the last place", "[metrics][portable_math]") {
  if (std::numeric_limits<long double>::digits <= std::numeric_limits<double>::digits) return;
  double worst = 0;
  for (int i = 0; i < 200000; ++i)
    for (const double x : {spread(i, -706.9, 709.7), spread(i, -1, 1), spread(i, -20, 0)})
      worst = std::max(worst, ulps(portable_exp(x), std::exp(static_cast<long double>(x))));
  INFO("worst: " << worst << " units in the last place");
  CHECK(worst < 1.0);
  CHECK(worst > 0.4);  // a result rounded once errs by half a unit: a smaller figure would mean that nothing was measured
}

TEST_CASE("log is within one unit in the last place", "[metrics][portable_math]") {
  if (std::numeric_limits<long double>::digits <= std::numeric_limits<double>::digits) return;
  double worst = 0;
  for (int i = 0; i < 200000; ++i)
    for (const double x : {std::exp2(spread(i, -1073, 1023)), spread(i, 0.5, 2), 1 + std::exp2(spread(i, -52, -1)),
                           1 - std::exp2(spread(i, -53, -1))})
      worst = std::max(worst, x == 1 ? 0.0 : ulps(portable_log(x), std::log(static_cast<long double>(x))));
  INFO("worst: " << worst << " units in the last place");
  CHECK(worst < 1.0);
  CHECK(worst > 0.4);
}

TEST_CASE("exp and log at their edges", "[metrics][portable_math]") {
  CHECK(portable_exp(0) == 1);
  CHECK(portable_exp(-0.0) == 1);
  CHECK(portable_exp(-707.01) == 0);
  CHECK(portable_exp(-707) > 0);
  CHECK(portable_exp(-infinity) == 0);
  CHECK(portable_exp(709.79) == infinity);
  CHECK(std::isfinite(portable_exp(709.78)));
  CHECK(portable_exp(infinity) == infinity);
  CHECK(portable_exp(1e300) == infinity);
  CHECK(std::isnan(portable_exp(std::numeric_limits<double>::quiet_NaN())));

  CHECK(portable_log(1) == 0);
  CHECK(portable_log(0) == -infinity);
  CHECK(portable_log(infinity) == infinity);
  CHECK(std::isnan(portable_log(-1)));
  CHECK(std::isnan(portable_log(std::numeric_limits<double>::quiet_NaN())));
  CHECK(portable_log(std::numeric_limits<double>::denorm_min()) == Approx(-744.4400719213812).epsilon(1e-15));
}

// Reported numbers stand on these: another compiler, flag or machine must give the very same bits.
TEST_CASE("exp and log have golden bits", "[metrics][portable_math][golden]") {
  CHECK(portable_exp(1) == 0x1.5bf0a8b14576ap+1);
  CHECK(portable_exp(-1) == 0x1.78b56362cef38p-2);
  CHECK(portable_exp(0.10000000000000001) == 0x1.1aec7b35a00d4p+0);
  CHECK(portable_exp(-3.75) == 0x1.81509354f0d29p-6);
  CHECK(portable_exp(-17.300000000000001) == 0x1.0772c096d61b7p-25);
  CHECK(portable_exp(88) == 0x1.f1056dc7bf22dp+126);
  CHECK(portable_exp(-706.5) == 0x1.aa5e1381de881p-1020);
  CHECK(portable_exp(709) == 0x1.d422d2be5dc9bp+1022);
  CHECK(portable_exp(1.0000000000000001e-09) == 0x1.000000044b83p+0);
  CHECK(portable_log(2) == 0x1.62e42fefa39efp-1);
  CHECK(portable_log(10) == 0x1.26bb1bbb55516p+1);
  CHECK(portable_log(0.10000000000000001) == -0x1.26bb1bbb55515p+1);
  CHECK(portable_log(0.70709999999999995) == -0x1.62e6b3842a25ep-2);
  CHECK(portable_log(1.4142999999999999) == 0x1.62f4358c03e8ap-2);
  CHECK(portable_log(1.0000001000000001) == 0x1.ad7f2847b6492p-24);
  CHECK(portable_log(49152) == 0x1.59af7ee709313p+3);
  CHECK(portable_log(1e-300) == -0x1.5963447f87fb5p+9);
  CHECK(portable_log(4.999944335913415e-320) == -0x1.6f9be0f7cee66p+9);
}
