// kvdiff_kernel_speed cuda|emulated [SCALE]: how fast the kernels that a run spends its time in are, beside a copy within the
// device. One JSON object per line: what, seconds (the best of several rounds), bytes read or written at least once, gb_per_s,
// and for linear also flops. SCALE divides the sizes (emulated threads are slow). For ./x gpu (tests/cuda/).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "cache_backends/device/launch.h"
#ifdef KVDIFF_WITH_CUDA
#include "cache_backends/device/cuda_device.h"
#endif

namespace kvdiff::device {
namespace {

class Bench {
 public:
  Bench(Device& device, int64_t scale) : device_(device), scale_(scale), flag_(device, 1) {}
  int64_t scaled(int64_t size, int64_t least) const { return std::max(size / scale_, least); }

  void run(const std::string& what, int64_t bytes, double flops, const std::function<void()>& start) {
    const int repeats = scale_ > 1 ? 1 : 20;
    double best = 1e30;
    start();  // loads the kernel
    for (int round = 0; round < 5; ++round) {
      flag_.read();
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < repeats; ++i) start();
      flag_.read();  // waits
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / repeats);
    }
    fmt::print(R"({{"what": "{}", "seconds": {:.3e}, "bytes": {}, "gb_per_s": {:.2f}, "gflop_per_s": {:.2f}}})" "\n", what, best, bytes,
               static_cast<double>(bytes) / best / 1e9, flops / best / 1e9);
    std::fflush(stdout);
  }

  void copy() {
    const int64_t bytes = scaled(int64_t{256} << 20, 4096);
    const Array<uint8_t> from(device_, bytes), to(device_, bytes);
    device_.clear(from.data(), bytes);
    run("copy", 2 * bytes, 0, [&] { device_.copy(to.data(), from.data(), bytes); });
  }

  void linear(int64_t rows, int64_t inputs, int64_t outputs) {
    inputs = scaled(inputs, 64), outputs = scaled(outputs, 64);
    const Array<uint16_t> weights(device_, (outputs + 15) / 16 * 16 * inputs);
    const Array<float> x(device_, rows * inputs), y(device_, rows * outputs);
    device_.clear(weights.data(), weights.bytes());
    device_.clear(x.data(), x.bytes());
    run(fmt::format("linear float16 rows={} inputs={} outputs={}", rows, inputs, outputs), weights.bytes() + x.bytes() + y.bytes(),
        2.0 * static_cast<double>(rows * inputs * outputs), [&] {
          launch<LinearFloat16>(device_, {constant(weights), {}, constant(x), span(y), rows, inputs, outputs, Dtype::float16});
        });
  }

  // One new token over a cache in float16: scores and weighed values, as a decode step asks for them.
  void attention(int64_t heads, int64_t kv_heads, int64_t head_size, int64_t tokens) {
    tokens = scaled(tokens, 64);
    const Array<uint16_t> store(device_, kv_heads * tokens * head_size);
    const int64_t chunks = (tokens + reduction_chunk - 1) / reduction_chunk;
    const Array<float> query(device_, heads * head_size), scores(device_, heads * tokens), sums(device_, chunks * heads * head_size);
    device_.clear(store.data(), store.bytes());
    device_.clear(query.data(), query.bytes());
    device_.clear(scores.data(), scores.bytes());
    const PlainFormat format{constant(store), {}, Dtype::float16, tokens, head_size};
    const AttentionRows rows{1, heads, kv_heads, head_size, tokens, tokens};
    const Segment segment{0, tokens, 0, 0};
    const std::string shape = fmt::format("float16 heads={}/{} head_size={} tokens={}", heads, kv_heads, head_size, tokens);
    run("attention scores " + shape, store.bytes() + scores.bytes(), 2.0 * static_cast<double>(heads * head_size * tokens),
        [&] { launch<ScoresPlain>(device_, {format, constant(query), span(scores), rows, segment, 0.125f}); });
    run("attention values " + shape, store.bytes() + scores.bytes(), 2.0 * static_cast<double>(heads * head_size * tokens),
        [&] { launch<WeighPlain>(device_, {format, constant(scores), span(sums), rows, segment}); });
  }

 private:
  Device& device_;
  int64_t scale_;
  Array<uint8_t> flag_;  // one byte to wait for
};

std::unique_ptr<Device> device_of(std::string_view name) {
#ifdef KVDIFF_WITH_CUDA
  if (name == "cuda") return make_cuda_device(0);
#endif
  if (name == "emulated") return make_emulated_device();
  throw UserError(ExitCode::usage, fmt::format("found '{}', expected emulated, or cuda in a build with CUDA", name));
}

}  // namespace
}  // namespace kvdiff::device

int main(int count, char** words) {
  try {
    const auto device = kvdiff::device::device_of(count > 1 ? words[1] : "cuda");
    kvdiff::device::Bench bench(*device, count > 2 ? std::max(1, std::atoi(words[2])) : 1);
    bench.copy();
    for (const int64_t rows : {1, 4, 64}) bench.linear(rows, 2048, 8192);
    bench.linear(1, 2048, 128256);
    for (const int64_t tokens : {1024, 16384}) bench.attention(32, 8, 64, tokens);
    return 0;
  } catch (const kvdiff::UserError& error) {
    std::fprintf(stderr, "kvdiff_kernel_speed: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}
