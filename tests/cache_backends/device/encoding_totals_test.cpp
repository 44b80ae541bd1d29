#include "cache_backends/device/encoding_totals.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cache_backends/device/encoded_arrays.h"
#include "cache_backends/device/memory.h"
#include "cache_backends/encoded_store.h"
#include "tests/cache_backends/codecs/options.h"
#include "tests/cache_backends/device/device_codecs.h"
#include "tests/cache_backends/device/test_device.h"
#include "tests/cache_backends/device/watched_device.h"

// What a receipt says of encodings, found on the device, beside what the host's codec says of the same bytes.
namespace kvdiff::test {
namespace {

const BlockShape block_shapes[] = {{1, 3, 37, 64},  {1, 1, 1, 128},  {2, 5, 4, 80}, {3, 2, 7, 96},
                                   {1, 1, 300, 32}, {2, 2, 33, 256}, {1, 2, 5, 17}};
const BlockShape small_shapes[] = {{2, 2, 3, 32}, {1, 2, 9, 64}};

std::string text_of(const EncodingErrors& errors) {
  return fmt::format("{:a} of {:a}, {} out of band, {} not finite", errors.largest, errors.bound, errors.out_of_band, errors.not_finite);
}

// So that errors leave their bounds, and numbers of 8-bit floats become NaN.
void spoil(const device::EncodedArrays& arrays, std::mt19937& random) {
  std::vector<uint8_t> packed = arrays.packed.read();
  for (uint8_t& byte : packed)
    if (random() % 7 == 0) byte = static_cast<uint8_t>(random());
  arrays.packed.set(packed);
}

EncodedBlock unit_of(const EncodedBlock& all, int64_t units, int64_t unit) {
  EncodedBlock one = {all.shape, all.dtype, {}, {}, {}};
  one.shape.batch /= units;
  const auto part = [&](const auto& from, auto& to) {
    const auto size = static_cast<std::ptrdiff_t>(from.size()) / units;
    to.assign(from.begin() + unit * size, from.begin() + (unit + 1) * size);
  };
  part(all.packed, one.packed);
  part(all.scale, one.scale);
  part(all.zero, one.zero);
  return one;
}

std::vector<bool> codes_of(const TokenStore& store, int64_t first, int64_t count) {
  std::vector<bool> used;
  store.mark_codes(first, count, used);
  return used;
}

// The encodings of one codec, one after another: on a device, and by the host's codec from the same bytes.
class Judged {
 public:
  Judged(device::Device& device, SharedCodec codec) : memory_(device), codec_(std::move(codec)) {}
  ~Judged() {
    for (const auto& [totals, expected] : all_) CHECK(text_of(totals->read()) == text_of(expected));  // none was written again
  }

  void encode(const std::vector<float>& values, const BlockShape& shape, Dtype dtype, int64_t units, std::mt19937& random) {
    device::Device& device = memory_.device();
    const device::Array<float> there(device, values);
    auto encoded = memory_.encode(codec_, {there.data(), values.size()}, shape, dtype);
    if (random() % 2) spoil(device::arrays_of(*encoded), random);
    const EncodedBlock block = device::to_host(device::arrays_of(*encoded));
    const int64_t before = device.log().bytes_out;
    const SharedTotals last = all_.empty() ? nullptr : all_.back().first;
    SharedTotals totals = memory_.judged(last, codec_, {there.data(), values.size()}, *encoded, units);
    CHECK(device.log().bytes_out == before);  // waits for nothing
    EncodingErrors expected = all_.empty() ? EncodingErrors{} : all_.back().second;
    const size_t size = values.size() / static_cast<size_t>(units);
    for (int64_t unit = 0; unit < units; ++unit)
      expected.add(encoding_error(*codec_, std::span(values).subspan(static_cast<size_t>(unit) * size, size), unit_of(block, units, unit)));
    all_.emplace_back(std::move(totals), expected);
    check_codes(std::move(encoded), block, units);
  }
  EncodingErrors last() const { return all_.empty() ? EncodingErrors{} : all_.back().second; }

 private:
  void check_codes(std::unique_ptr<Encoded> encoded, const EncodedBlock& block, int64_t units) {
    if (units == 1) {
      const std::vector<bool> expected = codes_of(BlockStore(codec_, block), 0, block.shape.tokens);
      CHECK(codes_of(*memory_.block_store(codec_, std::move(encoded)), 0, block.shape.tokens) == expected);
      return;
    }
    const auto room = memory_.token_room(codec_, *encoded, units, units + 2);
    UnitStore host(codec_, unit_of(block, units, 0), units + 2);
    for (int64_t unit = 0; unit < units; ++unit) host.write(unit, EncodedView(unit_of(block, units, unit)));
    room->write(0, *encoded, {units, 0, 1});
    room->write(1, *encoded, {units, 1, units - 1});
    for (const auto& [first, count] : {std::pair<int64_t, int64_t>{0, units}, {1, units - 1}, {units - 1, 1}})
      CHECK(codes_of(*room, first, count) == codes_of(host, first, count));
  }

  device::DeviceMemory memory_;
  const SharedCodec codec_;
  std::vector<std::pair<SharedTotals, EncodingErrors>> all_;
};

bool on_device(const Option& option) {
  const auto arithmetic = option.values.find("arithmetic");
  return arithmetic == option.values.end() || arithmetic->second != "torch";
}

// Each kind of values once, as blocks and as units.
void judge_all(device::Device& device, const SharedCodec& codec, const BlockShape& shape, std::mt19937& random, EncodingErrors& seen) {
  const Dtype dtype = dtypes[random() % 3];
  const auto draw = [&](const BlockShape& drawn, Kind kind) { return drawn_as(kind, drawn, dtype, static_cast<uint32_t>(random())); };
  Judged judged(device, codec);
  for (const Kind kind : kinds) judged.encode(draw(shape, kind), shape, dtype, 1, random);
  if (codec->on_device()->sequences_apart()) {
    const int64_t units = 2 + static_cast<int64_t>(random() % 6);
    const BlockShape many = {units * shape.batch, shape.heads, 1, shape.head_size};
    for (const Kind kind : kinds) judged.encode(draw(many, kind), many, dtype, units, random);
  }
  seen.out_of_band += judged.last().out_of_band;
  seen.not_finite += judged.last().not_finite;
}

// Each option with a shape that fits it, and once more with frozen scales where it has them.
template <size_t count>
EncodingErrors judge_options(device::Device& device, const BlockShape (&tried)[count], int draws) {
  EncodingErrors seen;
  std::mt19937 random(11);
  for (const Option& option : options()) {
    if (!on_device(option)) continue;
    for (int draw = 0; draw < draws; ++draw) {
      const BlockShape& shape = tried[random() % count];
      const Side side = draw % 2 ? Side::key : Side::value;
      if (!fits(option, shape)) continue;
      INFO(option.name() << (side == Side::key ? " key" : " value") << " [" << shape.batch << ", " << shape.heads << ", "
                         << shape.tokens << ", " << shape.head_size << "]");
      const SharedCodec codec = find_codec(option.codec).make({option.codec, option.values}, side);
      judge_all(device, codec, shape, random, seen);
      if (const SharedCodec held = codec->frozen(drawn_as(Kind::usual, shape, Dtype::float16, 4), shape, Dtype::float16))
        judge_all(device, held, shape, random, seen);
    }
  }
  return seen;
}

}  // namespace

TEST_CASE("device receipts: errors, bounds and codes are those that the host's codec finds in the same bytes", "[device][receipts]") {
  const auto device = test_device();
  const EncodingErrors seen = judge_options(*device, block_shapes, 4);
  CHECK(seen.out_of_band > 100);
  CHECK(seen.not_finite > 100);
}

TEST_CASE("device receipts: no races, and the same bits whichever thread comes first", "[device][receipts]") {
  for (const device::Turns turns : {device::Turns::reverse, device::Turns::random}) {
    device::test::WatchedDevice device(turns);
    CHECK(judge_options(device, small_shapes, 1).out_of_band > 0);
  }
}

TEST_CASE("device receipts: a code that no format has is an error", "[device][receipts]") {
  const auto device = test_device();
  const SharedCodec codec = codec_of("int4", {});
  const device::Array<float> values(*device, drawn({1, 1, 2, 32}, Dtype::float16, 1));
  const auto arrays = codec->on_device()->encode(*device, values.span(), {1, 1, 2, 32}, Dtype::float16);
  std::vector<bool> used;
  const device::Format format = device::format_of(*codec->on_device(), arrays);
  device::mark_codes(*device, format, {1, 0, 2, 32, 16}, used);
  CHECK(std::count(used.begin(), used.end(), true) > 4);
  CHECK_THROWS_AS(device::mark_codes(*device, format, {1, 0, 2, 32, 5}, used), InternalError);  // 7 is none of five
  CHECK_THROWS_AS(device::mark_codes(*device, device::PlainFormat{}, {1, 0, 2, 32, 16}, used), InternalError);
}

TEST_CASE("device receipts: totals begin where they are told to", "[device][receipts]") {
  const auto device = test_device();
  const EncodingErrors errors = {0.375, 2.5, 3, int64_t{1} << 40};
  CHECK(device::totals_on(*device, errors)->read() == errors);
}

}  // namespace kvdiff::test
