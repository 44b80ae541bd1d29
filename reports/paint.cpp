#include "reports/paint.h"

#include <fmt/format.h>

namespace kvdiff {
namespace {

// Of the 16 colours that every terminal has, in the user's own shades.
std::string_view code_of(Tone tone) {
  switch (tone) {
    case Tone::plain: return "";
    case Tone::dim: return "2";
    case Tone::strong: return "1";
    case Tone::good: return "32";
    case Tone::warning: return "33";
    case Tone::bad: return "31";
  }
  return "";
}

}  // namespace

std::string painted(std::string_view text, Tone tone, const RenderOptions& options) {
  if (!options.color || tone == Tone::plain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(tone), text);
}

}  // namespace kvdiff
