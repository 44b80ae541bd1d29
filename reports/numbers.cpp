#include "reports/numbers.h"

#include <fmt/format.h>

#include <cmath>

namespace kvdiff {

std::string short_number(double value) {
  const double size = std::abs(value);
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+inf" : "-inf";
  if (size < 1e15 && value == std::trunc(value)) return grouped(static_cast<int64_t>(value));
  if (size < 0.001) return fmt::format("{:.1e}", value);
  if (size >= 1e15) return fmt::format("{:.2e}", value);
  if (size >= 99.95) return grouped(std::llround(value));
  if (size >= 9.995) return fmt::format("{:.1f}", value);
  if (size >= 0.9995) return fmt::format("{:.2f}", value);
  return fmt::format("{:.{}f}", value, size < 0.00995 ? 5 : size < 0.0995 ? 4 : 3);
}

std::string short_number(const Figure& figure, std::string_view otherwise) {
  return figure.value ? short_number(*figure.value) : std::string(otherwise);
}

std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string size_text(int64_t bytes) {
  constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, units[unit]);
}

std::string percent_text(double share) { return fmt::format("{:.1f}%", 100 * share); }

std::string counted(int64_t count, std::string_view singular, std::string_view plural) {
  return fmt::format("{} {}", grouped(count), count == 1 ? singular : plural);
}

}  // namespace kvdiff
