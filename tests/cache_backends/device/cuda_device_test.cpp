#ifdef KVDIFF_WITH_CUDA
#include "cache_backends/device/cuda_device.h"

#include <numeric>

#include "cache_backends/device/launch.h"
#include "tests/catch.h"

// What only the real driver can answer. On a machine without a GPU: that it says so. ./x gpu runs these on one.
namespace kvdiff::device {
namespace {

std::vector<float> counted(size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.5f);
  return values;
}

}  // namespace

TEST_CASE("cuda device: a machine without a GPU is told what it lacks, and one with a GPU opens it", "[device][cuda]") {
  const CudaStatus status = cuda_status();
  CHECK(status.runtime > 0);
  if (status.devices.empty()) CHECK(!status.reason.empty());
  const auto index = static_cast<int>(status.devices.size());  // one more than there is
  try {
    make_cuda_device(index);
    FAIL("opened GPU " << index);
  } catch (const UserError& error) {
    INFO(error.what());
    CHECK(error.code() == ExitCode::environment);
    const std::string expected = index == 0 ? status.reason : "found no GPU " + std::to_string(index);
    CHECK(std::string(error.what()).find("--device cuda: " + expected) == 0);
  }
  if (index > 0) CHECK(make_cuda_device(0)->kind() == DeviceKind::cuda);
}

TEST_CASE("cuda device: what is copied in comes out, through pinned memory of any fill", "[device][cuda]") {
  if (cuda_status().devices.empty()) return;  // the case above has said so
  const auto device = make_cuda_device(0);
  for (const size_t count : {size_t{1}, size_t{524287}, size_t{524288}, size_t{524289}, size_t{5000001}}) {
    const std::vector<float> values = counted(count);
    const Array<float> there(*device, values);
    CHECK((there.read() == values));
    device->copy(there.data() + 1, there.data(), there.bytes() - 4);  // overlaps itself
    std::vector<float> moved = values;
    std::copy(values.begin(), values.end() - 1, moved.begin() + 1);
    CHECK((there.read() == moved));
    device->clear(there.data(), there.bytes());
    CHECK((there.read() == std::vector<float>(count)));
  }
  CHECK(device->log().bytes_in == 4 * (1 + 524287 + 524288 + 524289 + 5000001));
}

TEST_CASE("cuda device: memory that is given back is taken again in the order of the launches", "[device][cuda]") {
  if (cuda_status().devices.empty()) return;
  const auto device = make_cuda_device(0);
  const Array<float> ones(*device, std::vector<float>(100000, 1.0f));
  for (int round = 0; round < 50; ++round) {
    Array<float> total(*device, counted(100000));
    for (int i = 0; i < 8; ++i) launch<AddRounded>(*device, {span(total), constant(ones), Dtype::float32});
    const std::vector<float> found = total.read();
    CHECK(found.front() == 8.5f);
    CHECK(found.back() == 100007.5f);
  }
}

TEST_CASE("cuda device: more memory than there is says how much there is, and the device goes on", "[device][cuda]") {
  const CudaStatus status = cuda_status();
  if (status.devices.empty()) return;
  const auto device = make_cuda_device(0);
  try {
    device->allocate(2 * status.devices[0].memory);
    FAIL("taken");
  } catch (const UserError& error) {
    CHECK(error.code() == ExitCode::environment);
    CHECK(std::string(error.what()).find(std::to_string(2 * status.devices[0].memory) + " bytes were asked for") != std::string::npos);
  }
  const Array<float> there(*device, counted(1000));
  CHECK((there.read() == counted(1000)));
}

TEST_CASE("cuda device: a kernel that strays ends the device, by name, and no number comes out", "[.fault_on_gpu]") {
  if (cuda_status().devices.empty()) return;
  const auto device = make_cuda_device(0);
  const Array<float> good(*device, counted(100));
  auto* const nowhere = reinterpret_cast<float*>(uintptr_t{4096});
  const auto text_of = [&](const auto& action) -> std::string {
    try {
      action();
    } catch (const InternalError& error) {
      return error.what();
    }
    return "";
  };
  const std::string found = text_of([&] {
    launch<AddRounded>(*device, {Span<float>(nowhere, 100), constant(good), Dtype::float32});
    good.read();
  });
  INFO(found);
  CHECK(found.find("AddRounded") != std::string::npos);
  CHECK(text_of([&] { good.read(); }) == found);
}

}  // namespace kvdiff::device
#endif
