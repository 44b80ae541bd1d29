#include "cache_backends/device/cuda_device.h"

#include <cuda_runtime_api.h>

#include <array>
#include <functional>

#include "cache_backends/device/launch.h"
#include "tests/catch.h"
#include "tests/tools/fake_cuda.h"

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

// What a copy on a second stream brings of memory that holds 1 once the first stream has done its part, and 2 later. Each flag is
// something that a sound program does.
struct SecondStream {
  bool waits_for_the_first = true, sets_aside = true, keeps_the_source = true;
};
std::array<unsigned char, 4> brought(const SecondStream& how) {
  cudaStream_t first = nullptr, second = nullptr;
  cudaEvent_t written = nullptr;
  void *source = nullptr, *aside = nullptr, *again = nullptr;
  std::array<unsigned char, 4> bytes{};
  cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking);
  cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking);
  cudaEventCreateWithFlags(&written, cudaEventDisableTiming);
  cudaMallocAsync(&source, 4, first);
  cudaMallocAsync(&aside, 4, first);
  cudaMemsetAsync(source, 0, 4, first);
  cudaMemsetAsync(aside, 0, 4, first);
  cudaStreamSynchronize(first);
  cudaMemsetAsync(source, 1, 4, first);
  if (how.sets_aside) cudaMemcpyAsync(aside, source, 4, cudaMemcpyDeviceToDevice, first);
  cudaEventRecord(written, first);
  if (how.waits_for_the_first) cudaStreamWaitEvent(second, written, 0);
  cudaMemcpyAsync(bytes.data(), how.sets_aside ? aside : source, 4, cudaMemcpyDeviceToHost, second);
  if (!how.keeps_the_source) {
    cudaFreeAsync(source, first);
    cudaMallocAsync(&again, 4, first);
  }
  cudaMemsetAsync(how.keeps_the_source ? source : again, 2, 4, first);
  if (how.waits_for_the_first) cudaStreamSynchronize(first);  // it is far ahead
  cudaStreamSynchronize(second);
  cudaStreamSynchronize(first);
  if (how.keeps_the_source) cudaFreeAsync(source, first);
  else cudaFreeAsync(again, first);
  cudaFreeAsync(aside, first);
  cudaEventDestroy(written);
  cudaStreamDestroy(first);
  cudaStreamDestroy(second);
  return bytes;
}
std::array<unsigned char, 4> four(unsigned char value) { return {value, value, value, value}; }

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

TEST_CASE("cuda host side: the emulated GPU's streams are as late as they may be, so what a copy must not do shows", "[device][cuda]") {
  const auto device = make_cuda_device(0);  // a sound GPU
  CHECK(brought({}) == four(1));
  CHECK(brought({.keeps_the_source = false}) == four(1));
  CHECK(brought({.waits_for_the_first = false}) == four(0));                    // not written yet
  CHECK(brought({.sets_aside = false}) == four(2));                             // written again
  CHECK(brought({.sets_aside = false, .keeps_the_source = false}) == four(2));  // given to somebody else
}

TEST_CASE("cuda host side: a copy that does not wait for the kernels before it brings something else", "[device][cuda]") {
  const auto device = make_cuda_device(0);
  const Array<float> total(*device, std::vector<float>(100, 1.0f));
  const auto doubled = [&] {
    launch<AddRounded>(*device, {span(total), constant(total), Dtype::float32});
    return total.start_read().wait().front();
  };
  CHECK(doubled() == 2.0f);
  test::forget_stream_waits(true);
  const float found = doubled();
  test::forget_stream_waits(false);
  CHECK(found == 2.0f);  // what the copy before it left there
  CHECK(doubled() == 8.0f);
}

TEST_CASE("cuda host side: what was asked for after a copy is not waited for with it, and its failure comes later", "[device][cuda]") {
  const auto device = make_cuda_device(0);
  const Array<float> total(*device, std::vector<float>(100, 1.0f)), few(*device, std::vector<float>(50, 1.0f));
  launch<SiluMultiply>(*device, {span(total), constant(total), Dtype::float32});
  total.set(std::vector<float>(100, 3.0f));
  const Reading<float> before = total.start_read();
  launch<AddRounded>(*device, {span(total), constant(few), Dtype::float32});  // reads beyond the end of `few`
  const Reading<float> after = total.start_read();
  CHECK(before.wait()[99] == 3.0f);
  const std::string found = words_of<InternalError>([&] { after.wait(); });
  INFO(found);
  CHECK(found.find("CUDA failed at a copy from the GPU: cudaErrorIllegalAddress") == 0);
  CHECK(found.find("all 1 kernels started since the host last waited, oldest first: AddRounded") != std::string::npos);
  CHECK(words_of<InternalError>([&] { after.wait(); }) == found);
  CHECK(words_of<InternalError>([&] { total.start_read(); }) == found);
  CHECK(before.wait()[0] == 3.0f);  // it is there
}

}  // namespace kvdiff::device
