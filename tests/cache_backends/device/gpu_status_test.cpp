#include "cache_backends/device/gpu_status.h"

#include "tests/catch.h"

// What is said of a machine's CUDA, from made-up machines; cuda_device_test.cpp asks the real one.
namespace kvdiff::device {
namespace {

std::string words_for(const CudaStatus& status, std::string_view built, int index) {
  try {
    require_device(status, capabilities_of(built), index);
  } catch (const UserError& error) {
    CHECK(error.code() == ExitCode::environment);
    return error.what();
  }
  return "";
}

bool has(const std::string& text, std::initializer_list<std::string_view> parts) {
  INFO(text);
  bool all = true;
  for (const std::string_view part : parts) {
    CHECK(text.find(part) != std::string::npos);
    all = all && text.find(part) != std::string::npos;
  }
  return all;
}

CudaStatus two_devices() {
  return {13000, 13000, {{"Small", 7, 5, int64_t{4} << 30}, {"Large", 9, 0, int64_t{80} << 30}}, ""};
}

}  // namespace

TEST_CASE("gpu status: why there is no device, in words", "[device][cuda]") {
  CHECK(has(reason_for_none(CudaAnswer::old_driver, 0, 13000, "x"), {"no NVIDIA driver", "CUDA 13.0 or newer", "--device cpu"}));
  CHECK(has(reason_for_none(CudaAnswer::old_driver, 12080, 13000, "x"), {"driver for CUDA 12.8", "expected one for CUDA 13.0", "update"}));
  CHECK(has(reason_for_none(CudaAnswer::no_device, 13010, 13000, "x"), {"driver (CUDA 13.1) and no GPU", "CUDA_VISIBLE_DEVICES"}));
  CHECK(has(reason_for_none(CudaAnswer::other, 13000, 13000, "it is on fire"), {"(CUDA 13.0)", "it is on fire"}));
}

TEST_CASE("gpu status: which device is refused, and what would do", "[device][cuda]") {
  CHECK(words_for({0, 13000, {}, "found no NVIDIA driver"}, "75", 0) == "--device cuda: found no NVIDIA driver");
  CHECK(has(words_for(two_devices(), "75 90", 2), {"no GPU 2", "0 (Small), 1 (Large)"}));
  CHECK(has(words_for(two_devices(), "75 90", -1), {"no GPU -1"}));
  CHECK(words_for(two_devices(), "75 90", 0) == "");
  CHECK(refusal(two_devices(), capabilities_of("75"), 0) == "");
  CHECK(has(refusal(two_devices(), capabilities_of("90"), 0), {"GPU 0 (Small) of compute capability 7.5"}));
  CHECK(words_for(two_devices(), "75 90", 1) == "");
  CHECK(has(words_for(two_devices(), "75 80 100", 1),
            {"GPU 1 (Large) of compute capability 9.0", "7.5, 8.0, 10.0", "-DKVDIFF_CUDA_ARCHITECTURES=90"}));
}

TEST_CASE("gpu status: machine code runs on its own major version, from its own minor version on", "[device][cuda]") {
  const auto runs = [](int major, int minor) { return words_for({13000, 13000, {{"It", major, minor, 0}}, ""}, "75 80 86 89 90 100 120", 0); };
  for (const auto& [major, minor] : {std::pair{7, 5}, {8, 0}, {8, 6}, {8, 7}, {8, 9}, {9, 0}, {10, 0}, {10, 3}, {12, 0}, {12, 1}})
    CHECK(runs(major, minor) == "");
  for (const auto& [major, minor] : {std::pair{6, 1}, {7, 0}, {7, 2}, {11, 0}, {13, 0}}) CHECK(runs(major, minor) != "");
  CHECK(words_for({13000, 13000, {{"It", 8, 0, 0}}, ""}, "86", 0) != "");
}

TEST_CASE("gpu status: architectures as CMake and nvcc write them", "[device][cuda]") {
  const auto text = [](std::string_view architectures) {
    std::string out;
    for (const Capability& one : capabilities_of(architectures)) out += std::to_string(one.major) + "." + std::to_string(one.minor) + " ";
    return out;
  };
  CHECK(text("75 80 120") == "7.5 8.0 12.0 ");
  CHECK(text("75;80-real,90a;120-virtual") == "7.5 8.0 9.0 12.0 ");
  CHECK(text("native") == "");
  CHECK(text("") == "");
  CHECK(text("all;86") == "8.6 ");
}

TEST_CASE("gpu status: memory, failures and the kernels before them", "[device][cuda]") {
  const UserError memory = out_of_memory(int64_t{3} << 30, int64_t{1} << 30, int64_t{8} << 30);
  CHECK(memory.code() == ExitCode::environment);
  CHECK(has(memory.what(), {"3221225472 bytes", "3.00 GiB", "1.00 of 8.00 GiB", "fewer --cache", "fewer --tokens"}));
  CHECK(unusable(1, "Large", "taken").code() == ExitCode::environment);
  CHECK(has(unusable(1, "Large", "taken").what(), {"GPU 1 (Large)", "taken"}));

  StartedKernels started;
  CHECK(has(failure_text("a copy", "it broke", started), {"CUDA failed at a copy: it broke.", "no kernel was started"}));
  started.add("A");
  started.add("B");
  CHECK(has(started.text(), {"all 2 kernels", ": A, B"}));
  for (int i = 0; i < 7; ++i) started.add("C");
  started.add("D");
  CHECK(has(started.text(), {"the last 8 of 10 kernels", ": C, C, C, C, C, C, C, D"}));
  started.done(4);
  CHECK(has(started.text(), {"all 6 kernels", ": C, C, C, C, C, D"}));
  CHECK(started.count() == 10);
  started.clear();
  CHECK(has(started.text(), {"no kernel was started"}));
}

TEST_CASE("gpu status: a grid that no GPU takes is refused by name", "[device][cuda]") {
  CHECK_NOTHROW(check_grid("Linear", {(int64_t{1} << 31) - 1, 65535, 1024, 48 << 10}));
  for (const Geometry& wrong : {Geometry{int64_t{1} << 31, 1, 32, 0}, {1, 65536, 32, 0}, {1, 1, 1025, 0}, {1, 1, 0, 0},
                                {1, 1, 32, (48 << 10) + 1}, {0, 1, 32, 0}, {1, -1, 32, 0}}) {
    try {
      check_grid("Linear", wrong);
      FAIL("taken");
    } catch (const InternalError& error) {
      CHECK(has(error.what(), {"kernel Linear: "}));
    }
  }
}

}  // namespace kvdiff::device
