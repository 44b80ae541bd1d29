#include "harness/text/unicode_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <unordered_map>

#include "cache_backends/error.h"
#include "harness/text/code_point_set.h"
#include "harness/text/unicode_tables.h"
#include "harness/text/utf8.h"

namespace kvdiff {
namespace {

utf8proc_option_t options_of(NormalizationForm form) {
  const bool compose = form == NormalizationForm::nfc || form == NormalizationForm::nfkc;
  const bool compatible = form == NormalizationForm::nfkc || form == NormalizationForm::nfkd;
  return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                                        (compatible ? UTF8PROC_COMPAT : 0));
}

// The code point before the first trailing consonant of Hangul. utf8proc 2.8 composes it with the syllable in front of
// it, which drops it; by the standard's arithmetic it composes with nothing.
constexpr char32_t hangul_trailing_base = 0x11A7;

void append_normalized(std::string& out, std::string_view part, NormalizationForm form) {
  if (part.empty()) return;
  utf8proc_uint8_t* mapped = nullptr;
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(part.data()),
                                   static_cast<utf8proc_ssize_t>(part.size()), &mapped, options_of(form));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(mapped, std::free);
  if (length == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (length < 0) throw InternalError(std::string("Unicode normalization: ") + utf8proc_errmsg(length));
  out.append(reinterpret_cast<const char*>(mapped), static_cast<size_t>(length));
}

std::unordered_map<char32_t, char32_t> lowercase_map() {
  std::unordered_map<char32_t, char32_t> map;
  for (const auto& run : lowercase_runs()) {
    for (uint32_t i = 0; i < run.count; ++i) {
      const uint32_t from = run.first + i * run.step;
      map[from] = static_cast<char32_t>(static_cast<int64_t>(from) + run.delta);
    }
  }
  return map;
}

}  // namespace

std::string normalize_unicode(std::string_view text, NormalizationForm form) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    return std::string(text);
  }
  const CodePointBitmap& inert = unicode_class_bitmap("normalization_inert");
  std::string out;
  size_t part = 0;
  for (size_t offset = 0; offset < text.size();) {
    const auto c = decode_valid_utf8(text, offset);
    if (inert.contains(c.value) || c.value == hangul_trailing_base) {
      append_normalized(out, text.substr(part, offset - part), form);
      out.append(text.substr(offset, c.length));
      part = offset + c.length;
    }
    offset += c.length;
  }
  append_normalized(out, text.substr(part), form);
  return out;
}

void append_lowercase(std::string& text, char32_t code_point) {
  static const auto map = lowercase_map();
  if (code_point == 0x130) {
    text += "i\xCC\x87";
    return;
  }
  const auto found = map.find(code_point);
  append_utf8(text, found == map.end() ? code_point : found->second);
}

}  // namespace kvdiff
