#include "harness/commands/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace kvdiff {
namespace {

std::string clock_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
}

}  // namespace

std::string progress_line(const Progress& progress, int64_t first, double seconds) {
  std::string line = fmt::format("{} {}/{}", progress.phase, progress.step, progress.steps);
  if (progress.lanes > 0) line += fmt::format(", {} lanes", progress.lanes);
  const int64_t done = progress.step - first;
  if (done <= 0 || seconds <= 0) return line;
  const double per_second = static_cast<double>(done) / seconds;
  const double left = static_cast<double>(progress.steps - progress.step) / per_second;
  return line + fmt::format(", {:.1f} tokens/s, {} left", per_second, clock_text(left));
}

ProgressLine::ProgressLine(bool quiet) : active_(!quiet && ::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(const Progress& progress) {
  if (!active_) return;
  const Clock::time_point now = Clock::now();
  if (progress.phase != phase_) {
    phase_ = progress.phase;
    first_ = progress.step;
    began_ = now;
  } else if (now - drawn_ < std::chrono::milliseconds(100) && progress.step < progress.steps) {
    return;
  }
  drawn_ = now;
  const std::string line =
      progress_line(progress, first_, std::chrono::duration<double>(now - began_).count()).substr(0, terminal_columns());
  std::fprintf(stderr, "\r%-*s", static_cast<int>(width_), line.c_str());
  std::fflush(stderr);
  width_ = line.size();
}

void ProgressLine::clear() {
  if (width_ == 0) return;
  std::fprintf(stderr, "\r%*s\r", static_cast<int>(width_), "");
  std::fflush(stderr);
  width_ = 0;
}

}  // namespace kvdiff
