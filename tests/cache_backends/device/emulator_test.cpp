#include "cache_backends/device/emulator/emulator.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "cache_backends/device/device.h"
#include "cache_backends/device/emulator/thread.h"
#include "tests/catch.h"

// Each detector of the emulator is shown a kernel that has the fault it is there for.
namespace kvdiff::device {
namespace {

constexpr Turns all_turns[] = {Turns::forward, Turns::reverse, Turns::random};

std::string fault_of(const Geometry& geometry, const Emulator::Body& body, Checks checks = Checks::races,
                     Turns turns = Turns::forward) {
  Emulator emulator(checks, turns);
  try {
    emulator.run("planted", geometry, true, body);
  } catch (const KernelFault& fault) {
    return fault.what();
  }
  return "";
}

bool speaks_of(const std::string& text, const std::string& words) {
  INFO(text);
  return text.starts_with("kernel planted: ") && text.find(words) != std::string::npos;
}

// Sums 64 numbers through shared memory; `barriers`: as it should.
std::vector<float> sum(Turns turns, bool barriers, Checks checks) {
  std::vector<float> values(64), out(1);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * i % 37);
  const Span<const float> from(values.data(), 64);
  const Span<float> to(out.data(), 1);
  Emulator emulator(checks, turns, 7);
  emulator.run("planted", {1, 1, 64, 256}, true, [&](Thread& thread) {
    const Shared<float> part = thread.shared<float>(0, 64);
    part[thread.index()] = from[thread.index()];
    for (int apart = 32; apart > 0; apart /= 2) {
      if (barriers) thread.barrier();
      if (thread.index() < apart) part[thread.index()] += static_cast<float>(part[thread.index() + apart]);
    }
    if (thread.index() == 0) to[0] = part[0];
  });
  return out;
}

}  // namespace

TEST_CASE("emulator: a sound kernel gives the same bits in every order of its threads", "[device]") {
  for (const Turns turns : all_turns) CHECK(sum(turns, true, Checks::races)[0] == sum(Turns::forward, true, Checks::bounds)[0]);
}

TEST_CASE("emulator: a missing barrier is a race or memory that nobody has written, in every order", "[device]") {
  for (const Turns turns : all_turns) CHECK_THROWS_AS(sum(turns, false, Checks::races), KernelFault);
  // Without looking for races: memory that was not written yet, or another sum.
  CHECK_THROWS_AS(sum(Turns::forward, false, Checks::bounds), KernelFault);
}

TEST_CASE("emulator: a barrier that not all threads reach", "[device]") {
  const Geometry geometry{1, 1, 64, 0};
  CHECK(speaks_of(fault_of(geometry, [](Thread& t) { if (t.index() < 63) t.barrier(); }), "thread 63 has ended"));
  CHECK(speaks_of(fault_of(geometry, [](Thread& t) { if (t.index() != 0) t.barrier(); }), "thread 0 has ended"));
  const auto two_places = [](Thread& t) {  // outside of the macro, in which all is one line
    if (t.index() < 32) t.barrier();
    else
      t.barrier();
  };
  CHECK(speaks_of(fault_of(geometry, two_places), "thread 32 waits elsewhere"));
}

TEST_CASE("emulator: shared memory that nobody has written", "[device]") {
  CHECK(speaks_of(fault_of({1, 1, 32, 128}, [](Thread& t) {
    const Shared<float> part = t.shared<float>(0, 32);
    if (t.index() != 5) part[t.index()] = 1.0f;
    t.barrier();
    [[maybe_unused]] const float x = part[5];
  }), "that nobody has written"));
}

TEST_CASE("emulator: out of bounds, in the device's memory and in the block's", "[device]") {
  std::vector<float> values(8);
  const Span<float> span(values.data(), 8);
  const Span<const float> constant(values.data(), 8);
  CHECK(speaks_of(fault_of({1, 1, 32, 0}, [&](Thread& t) { span[t.index()] = 1.0f; }, Checks::bounds), "element 8"));
  CHECK(speaks_of(fault_of({1, 1, 32, 0}, [&](Thread& t) { [[maybe_unused]] const float x = constant[t.index() - 1]; },
                           Checks::bounds), "element -1"));
  CHECK(speaks_of(fault_of({1, 1, 32, 64}, [](Thread& t) { t.shared<float>(0, 16)[t.index()] = 1.0f; }), "element 16"));
  CHECK(speaks_of(fault_of({1, 1, 32, 64}, [](Thread& t) { t.shared<float>(0, 32); }), "asked for 64"));
}

TEST_CASE("emulator: a vector access at an odd place", "[device]") {
  alignas(16) const float values[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  const Span<const float> span(values, 9);
  CHECK(fault_of({1, 1, 1, 0}, [&](Thread&) { load_four(span, 4); }).empty());
  CHECK(speaks_of(fault_of({1, 1, 1, 0}, [&](Thread&) { load_four(span, 1); }), "no multiple of 16"));
  CHECK(speaks_of(fault_of({1, 1, 1, 0}, [&](Thread&) { load_four(span, 8); }), "element 11"));
  CHECK(speaks_of(fault_of({1, 1, 1, 32}, [](Thread& t) { t.shared<double>(4, 1); }), "alignment 8"));
}

TEST_CASE("emulator: two threads that meet in the device's memory", "[device]") {
  std::vector<float> values(64);
  const Span<float> span(values.data(), 64);
  const Geometry one{1, 1, 64, 0}, two{2, 1, 32, 0};
  for (const Turns turns : all_turns) {
    CHECK(speaks_of(fault_of(one, [&](Thread& t) { span[0] = static_cast<float>(t.index()); }, Checks::races, turns), "race in device"));
    CHECK(speaks_of(fault_of(one, [&](Thread& t) { span[t.index()] = static_cast<float>(span[(t.index() + 1) % 64]); },
                             Checks::races, turns), "race in device"));
    // Barriers order threads of one block, never blocks.
    CHECK(speaks_of(fault_of(two, [&](Thread& t) {
      if (t.block() == 0) span[t.index()] = 1.0f;
      t.barrier();
      if (t.block() == 1) [[maybe_unused]] const float x = span[t.index()];
    }, Checks::races, turns), "race in device"));
    CHECK(fault_of(one, [&](Thread& t) {
      span[t.index()] = 1.0f;
      t.barrier();
      [[maybe_unused]] const float x = span[63 - t.index()];
    }, Checks::races, turns).empty());
  }
}

TEST_CASE("emulator: warps shuffle and vote, and a lane that stays away is missed", "[device]") {
  std::vector<uint32_t> votes(64), sums(64);
  const Span<uint32_t> vote(votes.data(), 64), sum_of(sums.data(), 64);
  for (const Turns turns : all_turns) {
    CHECK(fault_of({1, 1, 64, 0}, [&](Thread& t) {
      vote[t.index()] = t.ballot(t.index() % 3 == 0);
      auto total = static_cast<uint32_t>(t.index());
      for (int by = 16; by > 0; by /= 2) total += t.shuffle_down(total, by);
      sum_of[t.index()] = t.shuffle(total, 0);
    }, Checks::races, turns).empty());
    CHECK(votes[0] == 0x49249249u);
    CHECK(votes[63] == 0x92492492u);
    CHECK(sums[5] == 31 * 16);
    CHECK(sums[40] == 31 * 16 + 32 * 32);
  }
  CHECK(speaks_of(fault_of({1, 1, 64, 0}, [](Thread& t) { if (t.index() != 40) t.any(true); }), "divergent warp"));
  CHECK(speaks_of(fault_of({1, 1, 64, 0}, [](Thread& t) {
    if (t.index() % 2) t.any(true);
    else t.barrier();
  }), "divergent warp"));
}

TEST_CASE("emulator: atomics meet in one place, in any order, and stay in bounds", "[device]") {
  for (const Turns turns : all_turns) {
    std::vector<uint64_t> values = {0, 5, ~uint64_t{0}, 0};
    std::vector<uint32_t> bits(1);
    const Span<uint64_t> span(values.data(), 4);
    const Span<uint32_t> flags(bits.data(), 1);
    CHECK(fault_of({3, 1, 64, 0}, [&](Thread& t) {
      const auto own = static_cast<uint64_t>((t.global() * 37 + 11) % 192);
      t.atomic_add(span, 0, own);
      t.atomic_max(span, 1, own << 40);  // not in the lower half
      t.atomic_min(span, 2, own + 3);
      t.atomic_max(span, 3, ~uint64_t{0} - own);  // as unsigned numbers
      t.atomic_or(flags, 0, uint32_t{1} << (own % 32));
    }, Checks::races, turns).empty());
    CHECK(values == std::vector<uint64_t>{191 * 96, uint64_t{191} << 40, 3, ~uint64_t{0}});
    CHECK(bits[0] == ~uint32_t{0});
    CHECK(speaks_of(fault_of({1, 1, 1, 0}, [&](Thread& t) { t.atomic_max(span, 4, 1); }, Checks::races, turns), "element 4"));
  }
}

TEST_CASE("emulator: kernels that say that they do not cooperate may not, and launches that no GPU takes are refused", "[device]") {
  Emulator emulator;
  CHECK_THROWS_AS(emulator.run("planted", {1, 1, 32, 0}, false, [](Thread& t) { t.barrier(); }), KernelFault);
  for (const Geometry& geometry : {Geometry{0, 1, 32, 0}, Geometry{1, 1, 1025, 0}, Geometry{1, 65536, 32, 0}, Geometry{1, 1, 32, 49153}})
    CHECK_THROWS_AS(emulator.run("planted", geometry, true, [](Thread&) {}), KernelFault);
  CHECK_NOTHROW(emulator.run("planted", {1, 1, 32, 0}, true, [](Thread& t) { t.barrier(); }));  // a fault leaves it usable
}

TEST_CASE("emulator: the host that follows an address of the device ends there", "[device]") {
  const auto device = make_emulated_device();
  auto* memory = static_cast<volatile float*>(device->allocate(64));
  for (const bool writes : {false, true}) {
    const pid_t child = fork();
    if (child == 0) {
      signal(SIGSEGV, SIG_DFL);
      if (writes) memory[0] = 1.0f;
      else [[maybe_unused]] const float x = memory[0];
      _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
  }
  device->release(const_cast<float*>(memory));
}

}  // namespace kvdiff::device
