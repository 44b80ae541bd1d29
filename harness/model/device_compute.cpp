#include <variant>

#include "cache_backends/device/launch.h"
#include "cache_backends/device/memory.h"
#include "cache_backends/error.h"
#include "harness/model/compute.h"
#include "harness/model/device_attention.h"
#include "harness/model/device_weight.h"

namespace kvdiff {
namespace {

using namespace device;

class DeviceCompute final : public Compute {
 public:
  explicit DeviceCompute(Device& device) : device_(device), memory_(device) {}
  const SideMemory& memory() const override { return memory_; }
  Device* device() const override { return &device_; }

  void set(Values& values, std::span<const float> from) const override {
    resize(values, static_cast<int64_t>(from.size()));
    if (!from.empty()) device_.copy_in(values.data.get(), from.data(), static_cast<int64_t>(from.size_bytes()));
  }
  void copy(Values& values, std::span<const float> from) const override {
    resize(values, static_cast<int64_t>(from.size()));
    if (!from.empty()) device_.copy(values.data.get(), from.data(), static_cast<int64_t>(from.size_bytes()));
  }
  std::vector<float> read(std::span<const float> values) const override {
    std::vector<float> out(values.size());
    if (!out.empty()) device_.copy_out(out.data(), values.data(), static_cast<int64_t>(values.size_bytes()));
    return out;
  }
  bool same_bits(std::span<const float> left, std::span<const float> right) const override {
    if (left.size() != right.size()) return false;
    const Array<uint32_t> differs(device_, 1);
    device_.clear(differs.data(), differs.bytes());
    launch<SameBits>(device_, {device::span(left), device::span(right), device::span(differs)});
    return differs.read()[0] == 0;
  }

  std::unique_ptr<Weight> keep(WeightMatrix matrix) const override { return std::make_unique<DeviceWeight>(device_, matrix); }

  void embed(const Weight& weight, std::span<const int32_t> tokens, std::span<float> out) const override {
    const Array<int32_t> ids(device_, tokens);
    weight_of(weight).visit([&](auto stored, const auto& weights) {
      launch<Embed<decltype(stored)>>(device_, {weights, constant(ids), device::span(out), weight.inputs()});
    });
  }
  void linear(const Weight& weight, const Values& bias, std::span<const float> x, Dtype dtype, std::span<float> y) const override {
    const int64_t rows = static_cast<int64_t>(x.size()) / weight.inputs();
    weight_of(weight).visit([&](auto stored, const auto& weights) {
      launch<Linear<decltype(stored)>>(device_, {weights, {bias.data.get(), bias.size}, device::span(x), device::span(y), rows,
                                                 weight.inputs(), weight.outputs(), dtype});
    });
  }
  void normalize(std::span<const float> x, const Values& weight, float epsilon, Dtype dtype, std::span<float> y) const override {
    const int64_t rows = static_cast<int64_t>(x.size()) / weight.size;
    launch<RmsNorm>(device_, {device::span(x), {weight.data.get(), weight.size}, device::span(y), rows, weight.size, epsilon, dtype});
  }
  void rotate(std::span<float> rows, const Values& angles, int64_t head_size, Dtype dtype) const override {
    const int64_t count = angles.size / head_size, heads = static_cast<int64_t>(rows.size()) / head_size / (count > 0 ? count : 1);
    launch<Rope>(device_, {device::span(rows), {angles.data.get(), angles.size}, heads, head_size, dtype});
  }
  void silu_multiply(Dtype dtype, std::span<float> gate, std::span<const float> up) const override {
    launch<SiluMultiply>(device_, {device::span(gate), device::span(up), dtype});
  }
  void add(Dtype dtype, std::span<float> total, std::span<const float> added) const override {
    launch<AddRounded>(device_, {device::span(total), device::span(added), dtype});
  }
  void take_rows(std::span<const float> from, std::span<const int64_t> rows, int64_t width, std::span<float> out) const override {
    const Array<int64_t> ids(device_, rows);
    launch<TakeRows>(device_, {device::span(from), constant(ids), device::span(out), width});
  }
  void by_head(std::span<const float> rows, const CacheShape& shape, int64_t tokens, std::span<float> out) const override {
    launch<ByHead>(device_, {device::span(rows), device::span(out), tokens, shape.heads, shape.head_size});
  }

  void attend_one(const AttentionShape& shape, const KvPages& pages, const float* query, AttentionMap& map, float* out,
                  int) const override {
    map.tokens = pages.tokens;
    resize(map.logits, shape.heads * pages.tokens);
    resize(map.probs, shape.heads * pages.tokens);
    DeviceAttention(device_, shape).run({&pages, query, 1, pages.tokens, out}, map.logits.data.get(), map.probs.data.get());
  }
  void attend_rows(const AttentionShape& shape, std::span<const QueryRows> jobs) const override {
    constexpr int64_t rows_at_once = 64;  // so that the maps stay small
    const int64_t row = shape.heads * shape.head_size;
    Values logits, probs;
    for (const QueryRows& job : jobs)
      for (int64_t begin = 0; begin < job.rows; begin += rows_at_once) {
        const int64_t count = std::min(rows_at_once, job.rows - begin), first = job.first_visible + begin;
        resize(logits, count * shape.heads * (first + count - 1));
        resize(probs, logits.size);
        DeviceAttention(device_, shape).run({job.pages, job.query + begin * row, count, first, job.out + begin * row},
                                            logits.data.get(), probs.data.get());
      }
  }
  Values read_back(const KvPages& pages, Side side, const AttentionShape& shape, int64_t first, int64_t count) const override {
    Values out;
    resize(out, shape.kv_heads * count * shape.head_size);
    DeviceAttention(device_, shape).decode(pages, side, first, count, out.data.get());
    return out;
  }

 private:
  Device& device_;
  DeviceMemory memory_;
};

}  // namespace

std::unique_ptr<Compute> make_device_compute(device::Device& device) { return std::make_unique<DeviceCompute>(device); }

}  // namespace kvdiff
