#include "scenarios/values.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "cache_backends/error.h"
#include "cache_backends/nearest.h"

namespace kvdiff {
namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view expected) {
  throw UserError(ExitCode::usage, fmt::format("found {}, expected {}", shown(text), expected));
}

template <typename Number>
bool read_whole(std::string_view text, Number& value) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return !text.empty() && error == std::errc{} && stopped == end;
}

}  // namespace

int64_t whole_number(std::string_view text, int64_t least) {
  int64_t value = 0;
  if (!read_whole(text, value) || value < least) refuse(text, fmt::format("a whole number, at least {}", least));
  return value;
}

uint64_t unsigned_number(std::string_view text) {
  uint64_t value = 0;
  if (!read_whole(text, value)) refuse(text, "a whole number from 0 to 18446744073709551615");
  return value;
}

double decimal_number(std::string_view text, double least, double most) {
  double value = 0;
  if (!read_whole(text, value) || !std::isfinite(value)) refuse(text, "a number");
  if (value < least || value > most) {
    refuse(text, std::isfinite(most) ? fmt::format("a number from {} to {}", least, most)
                                     : fmt::format("a number, at least {}", least));
  }
  return value;
}

bool truth(std::string_view text) {
  constexpr std::string_view choices[] = {"true", "false"};
  return one_of(text, choices) == "true";
}

std::string_view one_of(std::string_view text, std::span<const std::string_view> choices) {
  for (const std::string_view choice : choices) {
    if (choice == text) return choice;
  }
  refuse(text, fmt::format("one of {}. Did you mean '{}'?", joined(choices), nearest_match(text, choices)));
}

std::pair<std::string, double> named_limit(std::string_view text) {
  const size_t equals = text.find('=');
  double value = 0;
  if (equals == std::string_view::npos || equals == 0 || !read_whole(text.substr(equals + 1), value) ||
      !std::isfinite(value)) {
    refuse(text, "METRIC=VALUE, like kld_mean=0.05 (kvdiff list metrics names them)");
  }
  return {std::string(text.substr(0, equals)), value};
}

std::string number_text(double value) { return fmt::format("{}", value); }

std::string shown(std::string_view text) {
  constexpr size_t longest = 60;
  std::string result = "'";
  for (const char character : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(character);
    result += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, character);
  }
  return result + (text.size() > longest ? "...'" : "'");
}

}  // namespace kvdiff
