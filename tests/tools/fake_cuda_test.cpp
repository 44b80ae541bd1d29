#include "cache_backends/device/cuda_device.h"

#include <functional>

#include "cache_backends/device/launch.h"
#include "tests/catch.h"

// What the emulated GPU (fake_cuda_runtime.cpp) can do and a sound one does not.
namespace kvdiff::device {
namespace {

template <class Error>
std::string words_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("cuda host side: a kernel that fails is named at the next copy, and no number comes out ever after", "[device][cuda]") {
  const auto device = make_cuda_device(0);
  const Array<float> total(*device, std::vector<float>(100, 1.0f)), few(*device, std::vector<float>(50, 1.0f));
  launch<AddRounded>(*device, {span(total), constant(total), Dtype::float32});
  CHECK(total.read()[0] == 2.0f);
  launch<SiluMultiply>(*device, {span(total), constant(total), Dtype::float32});
  launch<AddRounded>(*device, {span(total), constant(few), Dtype::float32});  // reads beyond the end of `few`; not seen yet
  const std::string found = words_of<InternalError>([&] { total.read(); });
  INFO(found);
  CHECK(found.find("CUDA failed at a copy from the GPU: cudaErrorIllegalAddress") == 0);
  CHECK(found.find("all 2 kernels started since the host last waited, oldest first: SiluMultiply, AddRounded") != std::string::npos);
  CHECK(words_of<InternalError>([&] { few.read(); }) == found);
  CHECK(words_of<InternalError>([&] { device->clear(total.data(), 4); }) == found);
  CHECK(words_of<InternalError>([&] { Array<float>(*device, 7); }) == found);
}

TEST_CASE("cuda host side: the next process finds the GPU sound again", "[device][cuda]") {
  const auto device = make_cuda_device(0);
  CHECK(device->name() == "emulated GPU (cuda:0, compute capability 9.0)");
  CHECK(Array<float>(*device, std::vector<float>(3, 1.0f)).read() == std::vector<float>(3, 1.0f));
}

TEST_CASE("cuda host side: memory that is given back comes back, at the same addresses", "[device][cuda]") {
  const auto device = make_cuda_device(0);
  void* const first = device->allocate(1000);
  device->release(first);
  CHECK(device->allocate(1000) == first);
  device->release(first);
  const std::string words = words_of<UserError>([&] { device->allocate(int64_t{3} << 30); });
  CHECK(words.find("3221225472 bytes were asked for (3.00 GiB)") != std::string::npos);
  CHECK(words.find("of 2.00 GiB are free") != std::string::npos);
}

}  // namespace kvdiff::device
