#include <algorithm>
#include <cmath>
#include <cstring>

#include "cache_backends/rotation.h"
#include "harness/model/compute.h"
#include "harness/model/kernels/kernels.h"

namespace kvdiff {
namespace {

constexpr int64_t rows_per_task = 64;

class HostWeight final : public Weight {
 public:
  explicit HostWeight(WeightMatrix of) : matrix(std::move(of)) {}
  int64_t inputs() const override { return matrix.inputs(); }
  int64_t outputs() const override { return matrix.outputs(); }
  int64_t bytes() const override { return matrix.bytes(); }
  WeightMatrix matrix;
};
const WeightMatrix& matrix_of(const Weight& weight) { return static_cast<const HostWeight&>(weight).matrix; }

int64_t size_of(std::span<const float> values) { return static_cast<int64_t>(values.size()); }

class HostCompute final : public Compute {
 public:
  explicit HostCompute(ThreadPool& pool) : pool_(pool), scratch_(static_cast<size_t>(pool.threads())) {}
  const SideMemory& memory() const override { return host_memory(); }

  void set(Values& values, std::span<const float> from) const override {
    resize(values, size_of(from));
    std::copy(from.begin(), from.end(), values.data.get());
  }
  void copy(Values& values, std::span<const float> from) const override { set(values, from); }
  std::vector<float> read(std::span<const float> values) const override { return {values.begin(), values.end()}; }
  bool same_bits(std::span<const float> left, std::span<const float> right) const override {
    return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size_bytes()) == 0;
  }

  std::unique_ptr<Weight> keep(WeightMatrix matrix) const override { return std::make_unique<HostWeight>(std::move(matrix)); }

  void embed(const Weight& weight, std::span<const int32_t> tokens, std::span<float> out) const override {
    const auto width = static_cast<size_t>(weight.inputs());
    for (size_t row = 0; row < tokens.size(); ++row) matrix_of(weight).row(tokens[row], out.subspan(row * width, width));
  }

  void linear(const Weight& weight, const Values& bias, std::span<const float> x, Dtype dtype, std::span<float> y) const override {
    matrix_of(weight).multiply(x, size_of(x) / weight.inputs(), y, pool_);
    const auto width = static_cast<size_t>(bias.size);
    if (width > 0)
      for (size_t i = 0; i < y.size(); ++i) y[i] += bias.data[i % width];
    kernels().round(dtype, y.data(), size_of(y));
  }

  void normalize(std::span<const float> x, const Values& weight, float epsilon, Dtype dtype, std::span<float> y) const override {
    for (size_t first = 0; first < x.size(); first += static_cast<size_t>(weight.size))
      normalize_row(x.data() + first, weight, epsilon, dtype, y.data() + first);
  }

  void rotate(std::span<float> rows, const Values& angles, int64_t head_size, Dtype dtype) const override {
    const int64_t count = angles.size / head_size, width = size_of(rows) / std::max<int64_t>(count, 1);
    pool_.run(count, [&](int64_t row, int) {
      const float* cosine = angles.data.get() + row * head_size;
      for (float* head = rows.data() + row * width; head != rows.data() + (row + 1) * width; head += head_size)
        rotate_head(head, cosine, cosine + head_size / 2, head_size / 2, dtype);
    });
  }

  void silu_multiply(Dtype dtype, std::span<float> gate, std::span<const float> up) const override {
    kernels().silu_multiply(dtype, gate.data(), up.data(), size_of(gate));
  }

  void add(Dtype dtype, std::span<float> total, std::span<const float> added) const override {
    for (size_t i = 0; i < total.size(); ++i) total[i] += added[i];
    kernels().round(dtype, total.data(), size_of(total));
  }

  void take_rows(std::span<const float> from, std::span<const int64_t> rows, int64_t width, std::span<float> out) const override {
    for (size_t i = 0; i < rows.size(); ++i) std::copy_n(from.data() + rows[i] * width, width, out.data() + static_cast<int64_t>(i) * width);
  }

  void by_head(std::span<const float> rows, const CacheShape& shape, int64_t tokens, std::span<float> out) const override {
    for (int64_t token = 0; token < tokens; ++token)
      for (int64_t head = 0; head < shape.heads; ++head)
        std::copy_n(rows.data() + (token * shape.heads + head) * shape.head_size, shape.head_size,
                    out.data() + (head * tokens + token) * shape.head_size);
  }

  void attend_one(const AttentionShape& shape, const KvPages& pages, const float* query, AttentionMap& map, float* out,
                  int worker) const override {
    map.tokens = pages.tokens;
    resize(map.logits, shape.heads * pages.tokens);
    resize(map.probs, shape.heads * pages.tokens);
    kvdiff::attend_one(shape, pages, query, scratch_[static_cast<size_t>(worker)], {map.logits.data.get(), map.probs.data.get()}, out);
  }

  void attend_rows(const AttentionShape& shape, std::span<const QueryRows> jobs) const override {
    const int64_t row = shape.heads * shape.head_size;
    std::vector<QueryRows> parts;
    for (const QueryRows& job : jobs)
      for (int64_t begin = 0; begin < job.rows; begin += rows_per_task)
        parts.push_back({job.pages, job.query + begin * row, std::min(rows_per_task, job.rows - begin), job.first_visible + begin,
                         job.out + begin * row});
    pool_.run(static_cast<int64_t>(parts.size()) * shape.kv_heads, [&](int64_t task, int worker) {
      const QueryRows& part = parts[static_cast<size_t>(task / shape.kv_heads)];
      kvdiff::attend_rows(shape, *part.pages, {part.query, part.rows, part.first_visible}, task % shape.kv_heads,
                          scratch_[static_cast<size_t>(worker)], part.out);
    });
  }

  Values read_back(const KvPages& whole, Side side, const AttentionShape& shape, int64_t first, int64_t count) const override {
    Values out;
    resize(out, shape.kv_heads * count * shape.head_size);
    int64_t start = 0;
    for (const auto& page : side == Side::key ? whole.key : whole.value) {
      const int64_t begin = std::max(first, start), end = std::min(first + count, start + page->tokens());
      for (int64_t head = 0; head < shape.kv_heads && begin < end; ++head)
        page->decode(0, head, begin - start, end - begin, out.data.get() + (head * count + begin - first) * shape.head_size);
      start += page->tokens();
    }
    if (whole.rotation(side) > 0) kvdiff::rotate(out.span(), whole.rotation(side));
    return out;
  }

 private:
  void normalize_row(const float* x, const Values& weight, float epsilon, Dtype dtype, float* y) const {
    const Kernels& kernel = kernels();
    const int64_t width = weight.size;
    const float mean = kernel.sum_of_squares(x, width) / static_cast<float>(width);
    const float factor = 1.0f / std::sqrt(mean + epsilon);
    for (int64_t i = 0; i < width; ++i) y[i] = x[i] * factor;
    kernel.round(dtype, y, width);
    for (int64_t i = 0; i < width; ++i) y[i] *= weight.data[static_cast<size_t>(i)];
    kernel.round(dtype, y, width);
  }

  static void rotate_head(float* head, const float* cosines, const float* sines, int64_t half, Dtype dtype) {
    for (int64_t i = 0; i < half; ++i) {
      const float cosine = cosines[i], sine = sines[i], x = head[i], y = head[half + i];
      head[i] = round_to(dtype, round_to(dtype, x * cosine) + round_to(dtype, -y * sine));
      head[half + i] = round_to(dtype, round_to(dtype, y * cosine) + round_to(dtype, x * sine));
    }
  }

  ThreadPool& pool_;
  mutable std::vector<AttentionScratch> scratch_;  // by worker
};

}  // namespace

std::unique_ptr<Compute> make_host_compute(ThreadPool& pool) { return std::make_unique<HostCompute>(pool); }

}  // namespace kvdiff
