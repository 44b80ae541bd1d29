#include "cache_backends/device/encoding_totals.h"

#include <bit>

#include "cache_backends/device/encoded_arrays.h"
#include "cache_backends/device/launch.h"
#include "cache_backends/error.h"

namespace kvdiff::device {
namespace {

// Never written again once it was handed out: caches and their forks share it, and the next encoding begins with a copy.
struct DeviceTotals final : EncodingTotals {
  explicit DeviceTotals(Device& device) : totals(device, static_cast<int64_t>(ErrorTotal::count)) {}
  EncodingErrors read() const override {
    const std::vector<uint64_t> all = totals.read();
    const auto at = [&](ErrorTotal total) { return all[static_cast<size_t>(total)]; };
    return {std::bit_cast<double>(at(ErrorTotal::largest)), std::bit_cast<double>(at(ErrorTotal::bound)),
            static_cast<int64_t>(at(ErrorTotal::out_of_band)), static_cast<int64_t>(at(ErrorTotal::not_finite))};
  }
  const Array<uint64_t> totals;
};

std::shared_ptr<DeviceTotals> copy_of(Device& device, const SharedTotals& before) {
  auto copy = std::make_shared<DeviceTotals>(device);
  const Array<uint64_t>& to = copy->totals;
  if (before) device.copy(to.data(), static_cast<const DeviceTotals&>(*before).totals.data(), to.bytes());
  else device.clear(to.data(), to.bytes());
  return copy;
}

// f(format) for a format that has codes.
template <class F>
void with_codes(const Format& format, F f) {
  std::visit([&](const auto& own) {
    if constexpr (requires { own.code(0, 0, 0); }) f(own);
    else throw InternalError("codes were asked of tokens in full precision");
  }, format);
}

}  // namespace

SharedTotals judged_on(Device& device, const SharedTotals& before, const JudgedEncoding& what) {
  const BlockShape& shape = what.encoded.shape;
  const auto after = copy_of(device, before);
  const Array<uint64_t> found(device, 2 * what.units);
  device.clear(found.data(), found.bytes());
  const Span<uint64_t> largest(found.data(), what.units), bounds(found.data() + what.units, what.units);
  with_codes(format_of(what.codec, what.encoded), [&](const auto& format) {
    launch<Deviation<std::remove_cvref_t<decltype(format)>>>(device, {format, span(what.values), largest, span(after->totals), shape.tokens,
                                                                      shape.head_size, shape.elements() / what.units});
  });
  what.codec.raise_bounds(device, what.values, what.encoded, bounds);
  launch<FoldErrors>(device, {{largest.data(), what.units}, {bounds.data(), what.units}, span(after->totals)});
  return after;
}

SharedTotals totals_on(Device& device, const EncodingErrors& errors) {
  auto made = std::make_shared<DeviceTotals>(device);
  made->totals.set(std::array{std::bit_cast<uint64_t>(errors.largest), std::bit_cast<uint64_t>(errors.bound),
                              static_cast<uint64_t>(errors.out_of_band), static_cast<uint64_t>(errors.not_finite)});
  return made;
}

void mark_codes(Device& device, const Format& format, const MarkedTokens& tokens, std::vector<bool>& used) {
  const Array<uint32_t> bits(device, tokens.levels / 32 + 1);
  device.clear(bits.data(), bits.bytes());
  with_codes(format, [&](const auto& codes) {
    launch<MarkCodes<std::remove_cvref_t<decltype(codes)>>>(device, {codes, span(bits), tokens.rows, tokens.first, tokens.count,
                                                                     tokens.head_size, tokens.levels});
  });
  const std::vector<uint32_t> words = bits.read();
  const auto occurs = [&](int64_t level) { return (words[static_cast<size_t>(level / 32)] >> (level % 32) & 1) != 0; };
  if (occurs(tokens.levels)) throw InternalError("a code lies outside of its format");
  used.resize(static_cast<size_t>(tokens.levels));
  for (int64_t level = 0; level < tokens.levels; ++level)
    if (occurs(level)) used[static_cast<size_t>(level)] = true;
}

}  // namespace kvdiff::device
