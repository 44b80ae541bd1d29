// kvdiff_scorecard: faults of known place and class are planted in caches, and `kvdiff diagnose` is asked. ./x scorecard
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <random>
#include <thread>

#include "tests/scorecard/score.h"

namespace kvdiff::scorecard {
namespace {

class Progress {
 public:
  explicit Progress(size_t cases) : cases_(cases) {}
  void done(const Scored& one) {
    const std::lock_guard lock(mutex_);
    ++done_;
    fmt::print(stderr, "{}/{}  {}\n", done_, cases_, line_of(one));
  }

 private:
  const size_t cases_;
  size_t done_ = 0;
  std::mutex mutex_;
};

// Side by side, each on one thread.
void run_all(std::vector<Scored>& all, int threads) {
  Progress progress(all.size());
  std::atomic<size_t> next = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i)
    workers.emplace_back([&] {
      for (size_t one = next++; one < all.size(); one = next++) {
        all[one].outcome = diagnose_case(all[one].planted, 1);
        progress.done(all[one]);
      }
    });
  for (std::thread& worker : workers) worker.join();
}

int run(const Draw& draw, int threads) {
  std::vector<Scored> all;
  for (Planted& one : draw_cases(draw)) all.push_back({std::move(one), {}});
  run_all(all, threads);
  const Card card = card_of(all);
  fmt::print("seed {}: {} cases\n{}", draw.seed, all.size(), card.text);
  return card.holds ? 0 : 1;
}

}  // namespace
}  // namespace kvdiff::scorecard

int main(int count, char** words) {
  using namespace kvdiff::scorecard;
  CLI::App parser("Plants faults of known place and class in caches and asks `kvdiff diagnose` for them.\n"
                  "Exit code 0: at least 95 % caught, 90 % of these placed, 85 % named, no false alarm; 1: not so; 2: usage.");
  Draw draw;
  draw.seed = std::random_device{}();
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  bool quick = false;
  parser.add_option("--seed", draw.seed, "what is drawn (a fresh one, printed)");
  parser.add_option("--threads", threads, "cores to use")->check(CLI::PositiveNumber);
  parser.add_option("--planted", draw.planted_smollm2, "planted cases on the real model (100)")->check(CLI::NonNegativeNumber);
  parser.add_option("--clean", draw.clean_smollm2, "clean cases on the real model (50)")->check(CLI::NonNegativeNumber);
  parser.add_option("--tiny-planted", draw.planted_tiny, "planted cases on tiny models (300)")->check(CLI::NonNegativeNumber);
  parser.add_option("--tiny-clean", draw.clean_tiny, "clean cases on tiny models (150)")->check(CLI::NonNegativeNumber);
  parser.add_flag("--quick", quick, "50 planted and 10 clean cases on tiny models, in seconds");
  try {
    parser.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return parser.exit(error) == 0 ? 0 : 2;
  }
  if (quick) draw = {draw.seed, 50, 0, 10, 0};
  return run(draw, threads);
}
