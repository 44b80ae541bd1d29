#pragma once
#include "cache_backends/device/kernels/formats.cuh"
#include "cache_backends/device/kernels/units.cuh"

// What encoding did to values (receipt.cpp), found where they lie.
namespace kvdiff::device {
inline namespace KVDIFF_TARGET {

// What is kept of all encodings of one side of one layer: EncodingErrors of receipt.h, as whole numbers and as bits of doubles.
enum class ErrorTotal { largest, bound, out_of_band, not_finite, count };
KVDIFF_SHARED_CODE constexpr int64_t place_of(ErrorTotal total) { return static_cast<int64_t>(total); }

// largest[unit] = max |decoded - given| over what is finite in both; what became not finite is counted in the totals.
template <class Format>
struct Deviation : EachOfUnit<Deviation<Format>> {
  struct Arguments {
    Format decoded;
    Span<const float> given;   // [rows, tokens, head_size], as it was encoded
    Span<uint64_t> largest;    // [units]
    Span<uint64_t> totals;     // by ErrorTotal
    int64_t tokens, head_size, elements;  // elements: of a unit
  };
  static constexpr const char* name = "deviation";
  struct Found {
    double largest = 0;
    uint64_t not_finite = 0;
  };
  KVDIFF_SHARED_CODE static int64_t units(const Arguments& a) { return a.largest.size(); }
  KVDIFF_SHARED_CODE static int64_t per_unit(const Arguments& a) { return a.elements; }
  KVDIFF_DEVICE static void look(const Arguments& a, int64_t element, Found& found) {
    const float given = a.given[element];
    if (!is_finite(given)) return;
    const int64_t line = element / a.head_size;
    const float decoded = a.decoded(line / a.tokens, line % a.tokens, element % a.head_size);
    if (!is_finite(decoded)) {
      ++found.not_finite;
      return;
    }
    const double apart = static_cast<double>(decoded) - static_cast<double>(given), size = apart < 0 ? -apart : apart;
    if (size > found.largest) found.largest = size;
  }
  KVDIFF_DEVICE static void tell(const Arguments& a, int64_t unit, const Found& found, Thread& thread) {
    raise_to(thread, a.largest, unit, found.largest);
    if (found.not_finite > 0) thread.atomic_add(a.totals, place_of(ErrorTotal::not_finite), found.not_finite);
  }
};

// The units of one encoding into the totals: EncodingErrors::add().
struct FoldErrors : EachElement<FoldErrors> {
  struct Arguments {
    Span<const uint64_t> largest, bounds;  // [units], bits of non-negative doubles
    Span<uint64_t> totals;
  };
  static constexpr const char* name = "fold_errors";
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.largest.size(); }
  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    const int64_t i = thread.global();
    if (i >= a.largest.size()) return;
    const uint64_t largest = a.largest[i], bound = a.bounds[i];
    thread.atomic_max(a.totals, place_of(ErrorTotal::largest), largest);
    thread.atomic_max(a.totals, place_of(ErrorTotal::bound), bound);
    if (largest > bound) thread.atomic_add(a.totals, place_of(ErrorTotal::out_of_band), 1);
  }
};

// used: a bit per level, and behind them one that says that a code was none of the format's. Tokens [first, first + count) of a
// store: BlockStore::mark_codes and UnitStore::mark_codes.
template <class Format>
struct MarkCodes {
  struct Arguments {
    Format codes;
    Span<uint32_t> used;  // [levels / 32 + 1]
    int64_t rows, first, count, head_size, levels;
  };
  static constexpr const char* name = "mark_codes";
  static constexpr int width = 256;
  static constexpr bool cooperates = false;
  static constexpr int64_t each = 16;
  KVDIFF_SHARED_CODE static int64_t elements(const Arguments& a) { return a.rows * a.count * a.head_size; }
  static Geometry geometry(const Arguments& a) { return {blocks_for(elements(a), width * each), 1, width, 0}; }
  KVDIFF_DEVICE static void run(const Arguments& a, Thread& thread) {
    int64_t word = 0;
    uint32_t bits = 0;  // of this word, not told yet
    for (int64_t k = 0, i = thread.block() * width * each + thread.index(); k < each && i < elements(a); ++k, i += width) {
      const int64_t level = level_of(a, i);
      if (level / 32 != word) {
        if (bits != 0) thread.atomic_or(a.used, word, bits);
        bits = 0;
        word = level / 32;
      }
      bits |= uint32_t{1} << (level % 32);
    }
    if (bits != 0) thread.atomic_or(a.used, word, bits);
  }

 private:
  // Signed codes are counted as they lie in a byte.
  KVDIFF_DEVICE static int64_t level_of(const Arguments& a, int64_t i) {
    const int64_t d = i % a.head_size, t = i / a.head_size % a.count, row = i / a.head_size / a.count;
    const int64_t code = a.codes.code(row, a.first + t, d), level = code < 0 ? code + a.levels : code;
    return level < 0 || level >= a.levels ? a.levels : level;
  }
};

// Of the formats that have codes.
#define KVDIFF_NAME_CODES(Name)                      \
  using Deviation##Name = Deviation<Name##Format>;   \
  using Mark##Name = MarkCodes<Name##Format>;
KVDIFF_CODED_FORMATS(KVDIFF_NAME_CODES)
#undef KVDIFF_NAME_CODES

}  // namespace KVDIFF_TARGET
}  // namespace kvdiff::device
