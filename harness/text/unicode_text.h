#pragma once
#include <string>
#include <string_view>

namespace kvdiff {

enum class NormalizationForm { nfc, nfd, nfkc, nfkd };

// Of valid UTF-8, with the Unicode version of the `tokenizers` package's tables, not that of the library beneath:
// code points that the package does not know yet are left as they are and part what stands around them.
std::string normalize_unicode(std::string_view text, NormalizationForm form);

// Appends the lowercase of one code point, as Rust's char::to_lowercase.
void append_lowercase(std::string& text, char32_t code_point);

}  // namespace kvdiff
