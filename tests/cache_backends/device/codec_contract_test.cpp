#include "cache_backends/error.h"
#include "cache_backends/kernels/simd.h"
#include "tests/cache_backends/codecs/options.h"
#include "tests/cache_backends/device/watched_device.h"
#include "tests/cache_backends/device/device_codecs.h"
#include "tests/cache_backends/device/test_device.h"

namespace kvdiff::test {
namespace {

// Sizes of models and odd ones; long enough that groups are found in pieces.
const BlockShape device_shapes[] = {{1, 3, 37, 64}, {1, 1, 1, 128}, {2, 5, 4, 80}, {3, 2, 7, 96}, {1, 1, 300, 32}, {2, 2, 33, 256},
                                    {1, 1, 64, 64}, {1, 2, 5, 17}, {1, 1, 1, 1}};
const BlockShape small_shapes[] = {{2, 2, 3, 32}, {1, 2, 9, 64}};

// hqq in ATen's arithmetic is the one codec that a device does not have.
bool on_device(const Option& option) {
  const auto arithmetic = option.values.find("arithmetic");
  return arithmetic == option.values.end() || arithmetic->second != "torch";
}

std::vector<Side> sides_of(const Option& option) {
  return option.codec == "kivi" || option.codec == "fp8" ? std::vector{Side::key, Side::value} : std::vector{Side::key};
}

// Of each option on each side: some shapes, types and kinds of values, so that all pairs occur over the options.
template <typename Check>
void for_each_case(std::span<const BlockShape> shapes_tried, int draws, Check check) {
  std::mt19937 random(3);
  for (const Option& option : options()) {
    if (!on_device(option)) continue;
    for (const Side side : sides_of(option)) {
      const auto codec = find_codec(option.codec).make({option.codec, option.values}, side);
      for (int draw = 0; draw < draws; ++draw) {
        const BlockShape& shape = shapes_tried[random() % shapes_tried.size()];
        const Dtype dtype = dtypes[random() % 3];
        const Kind kind = kinds[static_cast<size_t>(draw) % 4];
        if (!fits(option, shape)) continue;
        INFO(option.name() << " " << (side == Side::key ? "key" : "value") << " [" << shape.batch << ", " << shape.heads << ", "
                           << shape.tokens << ", " << shape.head_size << "] " << name_of(dtype) << " kind "
                           << static_cast<int>(kind));
        check(*codec, shape, dtype, drawn_as(kind, shape, dtype, static_cast<uint32_t>(random())));
      }
    }
  }
}

struct EverySimd {
  Simd before = active_simd();
  ~EverySimd() { set_active_simd(before); }
  template <typename Body>
  void operator()(Body body) const {
    for (const Simd simd : {Simd::scalar, Simd::avx2, Simd::avx512}) {
      if (!supported(simd)) continue;
      set_active_simd(simd);
      body();
    }
  }
};

}  // namespace

TEST_CASE("device codecs: every codec has one", "[device][contract]") {
  for (const Option& option : options()) {
    INFO(option.name());
    if (on_device(option)) CHECK(codec_of(option.codec, option.values)->on_device() != nullptr);
  }
}

TEST_CASE("device codecs: what is encoded and read is the host's to the bit, on every SIMD level", "[device][contract]") {
  const auto device = test_device();
  const EverySimd every_simd;
  int64_t cases = 0;
  for_each_case(device_shapes, 8, [&](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    const auto twin = codec.on_device();
    REQUIRE(twin);
    every_simd([&] {
      CHECK(difference(*device, codec, *twin, values, shape, dtype) == "");
      ++cases;
    });
    if (!codec.shares_scale() && shape.tokens < 40) CHECK(difference_of_units(*device, codec, *twin, values, shape, dtype) == "");
  });
  CHECK(cases > 500);
}

TEST_CASE("device codecs: scales frozen on the device are the host's, and serve what follows", "[device][contract]") {
  const auto device = test_device();
  int64_t frozen_cases = 0;
  for_each_case(device_shapes, 8, [&](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    const auto expected = codec.frozen(values, shape, dtype);
    const device::Array<float> there(*device, values);
    const auto held = codec.on_device()->frozen(*device, {there.data(), values.size()}, shape);
    REQUIRE((held == nullptr) == (expected == nullptr));
    if (!held) return;
    const BlockShape later = {shape.batch, shape.heads, 3, shape.head_size};
    const std::vector<float> next = drawn_as(kinds[frozen_cases % 4], later, dtype, static_cast<uint32_t>(frozen_cases));
    CHECK(held->shared_bytes() == expected->shared_bytes());
    CHECK(held->frozen(next, later, dtype) == nullptr);
    CHECK(held->on_device()->frozen(*device, {}, later) == nullptr);
    for (const Codec* own : {held.get(), expected.get()}) {
      const auto twin = own->on_device();
      CHECK(difference(*device, *expected, *twin, next, later, dtype) == "");
      CHECK(difference_of_units(*device, *expected, *twin, next, later, dtype) == "");
      CHECK(difference(*device, *own, *twin, values, shape, dtype) == "");
    }
    ++frozen_cases;
  });
  CHECK(frozen_cases >= 16);
}

TEST_CASE("device codecs: values and codes stay on the device, and of frozen scales the scales come back", "[device][contract]") {
  const auto device = test_device();
  const BlockShape shape = {1, 2, 9, 64};
  const std::vector<float> values = drawn(shape, Dtype::float16, 2);
  const device::Array<float> there(*device, values);
  for (const Option& option : options()) {
    if (!on_device(option)) continue;
    INFO(option.name());
    const auto twin = codec_of(option.codec, option.values)->on_device();
    const device::LaunchLog before = device->log();
    const auto made = twin->encode(*device, {there.data(), values.size()}, shape, Dtype::float16);
    const int64_t told = device->log().bytes_out - before.bytes_out;
    CHECK(told <= (option.codec == "hqq" ? 20 * 4 : 0));  // the solver tells its mean error after each turn
    CHECK(device->log().bytes_in == before.bytes_in);
    CHECK(device->log().launches != before.launches);
    const auto held = twin->frozen(*device, {there.data(), values.size()}, shape);
    CHECK(device->log().bytes_out - before.bytes_out == told + (held ? held->shared_bytes().total() : 0));
  }
}

TEST_CASE("device codecs: no races, and the same bits whichever thread comes first", "[device][contract]") {
  for (const device::Turns turns : {device::Turns::reverse, device::Turns::random}) {
    device::test::WatchedDevice device(turns);
    for_each_case(small_shapes, 2, [&](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
      const auto twin = codec.on_device();
      CHECK(difference(device, codec, *twin, values, shape, dtype) == "");
      const device::Array<float> there(device, values);
      const auto held = twin->frozen(device, {there.data(), values.size()}, shape);
      if (held) CHECK(difference(device, *held, *held->on_device(), values, shape, dtype) == "");
    });
  }
}

TEST_CASE("device codecs: an empty block is a block", "[device][contract]") {
  const auto device = test_device();
  const BlockShape shape = {1, 2, 0, 64};
  for (const Option& option : options()) {
    if (!on_device(option)) continue;
    INFO(option.name());
    const auto codec = codec_of(option.codec, option.values);
    CHECK(difference(*device, *codec, *codec->on_device(), {}, shape, Dtype::float16) == "");
  }
}

TEST_CASE("device codecs: what the host refuses is refused in its words", "[device][contract]") {
  const auto device = test_device();
  const auto refusal = [](const auto& action) -> std::string {
    try {
      action();
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  };
  for (const Option& option : options()) {
    if (!on_device(option)) continue;
    const auto codec = codec_of(option.codec, option.values);
    const BlockShape odd = {1, 2, 3, 40};
    const std::vector<float> values = drawn(odd, Dtype::float16, 1);
    const device::Array<float> there(*device, values);
    INFO(option.name());
    CHECK(refusal([&] { codec->on_device()->encode(*device, {there.data(), values.size()}, odd, Dtype::float16); }) ==
          refusal([&] { codec->encode(values, odd, Dtype::float16); }));
  }
  const auto frozen = codec_of("int8", {{"per", "channel"}, {"scale", "frozen"}})
                          ->frozen(drawn({1, 2, 3, 40}, Dtype::float16, 1), {1, 2, 3, 40}, Dtype::float16);
  const BlockShape other = {1, 2, 3, 64};
  const std::vector<float> values = drawn(other, Dtype::float16, 1);
  const std::string words = refusal([&] { frozen->encode(values, other, Dtype::float16); });
  CHECK(!words.empty());
  CHECK(refusal([&] { frozen->on_device()->encode(*device, values, other, Dtype::float16); }) == words);
}

}  // namespace kvdiff::test
