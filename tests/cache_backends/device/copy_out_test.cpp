#include <numeric>

#include "cache_backends/device/launch.h"
#include "tests/cache_backends/device/test_device.h"
#include "tests/catch.h"

// Copies from a device that are started, and waited for later.
namespace kvdiff::device {
namespace {

std::vector<float> counted(int64_t count, float first) {
  std::vector<float> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), first);
  return values;
}

template <class T>
std::vector<T> values_of(const Reading<T>& reading) {
  const std::span<const T> all = reading.wait();
  return {all.begin(), all.end()};
}

void double_it(Device& device, const Array<float>& values) {
  launch<AddRounded>(device, {span(values), constant(values), Dtype::float32});
}

}  // namespace

TEST_CASE("copy out: it brings what was there, though the source is written to, released and taken again", "[device]") {
  const auto device = test::test_device();
  for (const int64_t count : {1, 1000, 1024, 1025, 300000}) {
    Array<float> source(*device, counted(count, 0));
    double_it(*device, source);
    const Reading<float> doubled = source.start_read(), part = source.start_read(count / 2, count - count / 2);
    double_it(*device, source);
    const Reading<float> fourfold = source.start_read();
    device->clear(source.data(), source.bytes());
    source = Array<float>();
    const Array<float> next(*device, counted(count, -7));
    CHECK((next.read() == counted(count, -7)));  // so all of this has been done
    std::vector<float> expected = counted(count, 0);
    for (float& value : expected) value *= 2;
    CHECK((values_of(doubled) == expected));
    CHECK((values_of(part) == std::vector<float>(expected.begin() + count / 2, expected.end())));
    for (float& value : expected) value *= 2;
    CHECK((values_of(fourfold) == expected));
    CHECK((values_of(doubled).back() == static_cast<float>(2 * (count - 1))));  // asked for again
  }
}

TEST_CASE("copy out: those that nobody waits for leave the others as they are", "[device]") {
  const auto device = test::test_device();
  const Array<float> source(*device, 5000);
  std::vector<Reading<float>> kept;
  for (int i = 0; i < 20; ++i) {
    source.set(counted(5000, static_cast<float>(i)));
    Reading<float> reading = source.start_read();
    if (i % 3 == 0) kept.push_back(std::move(reading));
  }
  for (size_t i = kept.size(); i-- > 0;) CHECK((values_of(kept[i]) == counted(5000, static_cast<float>(3 * i))));
  Array<float>(*device, 3).start_read();
  CHECK(Array<float>(*device, 0).start_read().wait().empty());
}

TEST_CASE("copy out: a wait is counted where the host had to wait", "[device]") {
  const auto device = test::test_device();
  const Array<float> source(*device, counted(10, 0));
  const auto counts = [&] { return std::pair(device->log().copies_out, device->log().waits); };
  const Reading<float> first = source.start_read(), second = source.start_read(), third = source.start_read();
  CHECK(counts() == std::pair<int64_t, int64_t>(3, 0));
  second.wait();
  CHECK(counts() == std::pair<int64_t, int64_t>(3, 1));
  first.wait();  // it ended before the second did
  second.wait();
  CHECK(counts() == std::pair<int64_t, int64_t>(3, 1));
  source.read();
  third.wait();
  CHECK(counts() == std::pair<int64_t, int64_t>(4, 3));
  CHECK(device->log().bytes_out == 4 * 40);
}

TEST_CASE("array: a copy within the device", "[device]") {
  const auto device = test::test_device();
  const Array<float> source(*device, counted(10, 0)), other = source.copy();
  device->clear(source.data(), source.bytes());
  CHECK(other.read() == counted(10, 0));
  CHECK(Array<float>().copy().size() == 0);
}

}  // namespace kvdiff::device
