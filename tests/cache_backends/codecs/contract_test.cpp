#include <cmath>
#include <set>

#include "cache_backends/error.h"
#include "cache_backends/kernels/simd.h"
#include "tests/cache_backends/codecs/options.h"
#include "tests/catch.h"

namespace kvdiff::test {
namespace {

template <typename Check>
void for_each_case(Check check) {
  uint32_t seed = 1;
  for (const Option& option : options()) {
    const auto codec = codec_of(option.codec, option.values);
    for (const BlockShape& shape : shapes) {
      if (!fits(option, shape)) continue;
      const Dtype dtype = dtypes[seed++ % 3];
      INFO(option.name() << " tokens " << shape.tokens << " D " << shape.head_size << " " << name_of(dtype));
      check(*codec, shape, dtype, drawn(shape, dtype, seed));
    }
  }
}

}  // namespace

TEST_CASE("codec contract: the error is within the bound of the format", "[codecs][contract]") {
  int64_t cases = 0;
  for_each_case([&](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    const std::vector<float> back = decoded(codec, codec.encode(values, shape, dtype));
    const double bound = codec.error_bound(values, shape, dtype);
    double largest = 0;
    for (size_t i = 0; i < values.size(); ++i) largest = std::max(largest, std::fabs(double{back[i]} - values[i]));
    CHECK(std::isfinite(bound));
    CHECK(largest <= bound);
    ++cases;
  });
  CHECK(cases > 200);
}

TEST_CASE("codec contract: codes are integers of the format, and are all that is kept", "[codecs][contract]") {
  for_each_case([](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    const EncodedBlock block = codec.encode(values, shape, dtype);
    const std::vector<int32_t> codes = codec.codes(block);
    REQUIRE(codes.size() == values.size());
    const auto [low, high] = std::minmax_element(codes.begin(), codes.end());
    CHECK(*high - *low < codec.levels());
    if (shape.tokens > 1) CHECK(std::set<int32_t>(codes.begin(), codes.end()).size() > 1);

    const Bytes held = codec.bytes(block), expected = codec.expected_bytes(shape, dtype);
    const int64_t scales = static_cast<int64_t>(block.scale.size());
    CHECK(held.codes == static_cast<int64_t>(block.packed.size()));
    CHECK(held.codes == expected.codes);
    CHECK(held.scales == expected.scales);
    CHECK(held.zeros == expected.zeros);
    CHECK(held.residual == 0);
    CHECK((held.scales == 4 * scales || held.scales == 2 * scales));
    CHECK(held.zeros * scales == held.scales * static_cast<int64_t>(block.zero.size()));
    // No room for floats: ten 3-bit codes take 32 bits, 64 rows are padded to 70, and a row of 64 words may be padding.
    const double bits = std::log2(static_cast<double>(codec.levels()));
    CHECK(static_cast<double>(held.codes) * 8 <= 1.17 * bits * static_cast<double>(values.size()) + 64 * 32);
  });
}

TEST_CASE("codec contract: any range decodes as the whole does", "[codecs][contract]") {
  std::mt19937 random(7);
  for_each_case([&](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    const EncodedBlock block = codec.encode(values, shape, dtype);
    const std::vector<float> whole = decoded(codec, block);
    for (int draw = 0; draw < 8; ++draw) {
      const int64_t first = static_cast<int64_t>(random() % values.size());
      const int64_t count = static_cast<int64_t>(random() % (values.size() - static_cast<size_t>(first) + 1));
      std::vector<float> part(static_cast<size_t>(count));
      codec.decode(block, first, part);
      CHECK(std::equal(part.begin(), part.end(), whole.begin() + first));
    }
  });
}

TEST_CASE("codec contract: decoded values are values of the type, the same each time", "[codecs][contract]") {
  for_each_case([](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    const EncodedBlock once = codec.encode(values, shape, dtype), again = codec.encode(values, shape, dtype);
    CHECK(once.packed == again.packed);
    CHECK(once.scale == again.scale);
    CHECK(once.zero == again.zero);
    for (const float value : decoded(codec, once)) REQUIRE(round_to(dtype, value) == value);
  });
}

TEST_CASE("codec contract: every SIMD level gives the same bits", "[codecs][contract]") {
  const Simd before = active_simd();
  for_each_case([](const Codec& codec, const BlockShape& shape, Dtype dtype, const std::vector<float>& values) {
    set_active_simd(Simd::scalar);
    const EncodedBlock reference = codec.encode(values, shape, dtype);
    const std::vector<float> back = decoded(codec, reference);
    for (const Simd simd : {Simd::avx2, Simd::avx512}) {
      if (!supported(simd)) continue;
      set_active_simd(simd);
      const EncodedBlock block = codec.encode(values, shape, dtype);
      CHECK(block.packed == reference.packed);
      CHECK(block.scale == reference.scale);
      CHECK(block.zero == reference.zero);
      CHECK(decoded(codec, block) == back);
    }
  });
  set_active_simd(before);
}

TEST_CASE("codec contract: an empty block is a block", "[codecs][contract]") {
  for (const Option& option : options()) {
    INFO(option.name());
    const BlockShape shape = {1, 2, 0, 64};
    const auto codec = codec_of(option.codec, option.values);
    const EncodedBlock block = codec->encode({}, shape, Dtype::float16);
    CHECK(block.packed.empty());
    CHECK(codec->codes(block).empty());
    CHECK(decoded(*codec, block).empty());
  }
}

}  // namespace kvdiff::test
