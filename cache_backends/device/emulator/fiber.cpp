#undef _FORTIFY_SOURCE  // its longjmp takes another stack for a broken one
#include "cache_backends/device/emulator/fiber.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>

#include "cache_backends/error.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KVDIFF_SANITIZED 1
#else
#define KVDIFF_SANITIZED 0  // then fibers change over without a system call: setjmp, not swapcontext
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace kvdiff::device {
namespace {

// Kernels keep a few small arrays; sanitizers make frames several times as large.
constexpr size_t stack_size = 256 * 1024;

void* make_stack() {
  void* stack = mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "no memory for an emulated thread");
  return stack;
}

}  // namespace

struct Fiber::State {
  ucontext_t inside{}, outside{};
  [[maybe_unused]] jmp_buf inside_place{}, outside_place{};
  bool entered = false;  // its stack is in use: it waits in run()
  void* stack = make_stack();
  std::exception_ptr error;
  // For the sanitizers: which stack we come from.
  [[maybe_unused]] const void* outer_bottom = nullptr;
  [[maybe_unused]] size_t outer_size = 0;
  [[maybe_unused]] void* fake_stack = nullptr;
  [[maybe_unused]] void* tsan_fiber = nullptr;
  [[maybe_unused]] void* tsan_outer = nullptr;

  ~State() {
#if defined(__SANITIZE_THREAD__)
    if (tsan_fiber) __tsan_destroy_fiber(tsan_fiber);
#endif
    munmap(stack, stack_size);
  }
};

Fiber::Fiber() : state_(std::make_unique<State>()) {}
Fiber::~Fiber() = default;

void Fiber::start(std::function<void()> body) {
  const bool waits = done_ && state_->entered;
  body_ = std::move(body);
  done_ = false;
  state_->error = nullptr;
  if (!waits) make_context();
}

// For a new fiber, and for one whose body was left in the middle.
void Fiber::make_context() {
  State& s = *state_;
  s.entered = false;
  s.fake_stack = nullptr;
  getcontext(&s.inside);
  s.inside.uc_stack.ss_sp = s.stack;
  s.inside.uc_stack.ss_size = stack_size;
  s.inside.uc_link = nullptr;
  const auto address = reinterpret_cast<uintptr_t>(this);
  makecontext(&s.inside, reinterpret_cast<void (*)()>(&Fiber::enter), 2, static_cast<unsigned>(address),
              static_cast<unsigned>(address >> 32));
#if defined(__SANITIZE_THREAD__)
  if (s.tsan_fiber) __tsan_destroy_fiber(s.tsan_fiber);
  s.tsan_fiber = __tsan_create_fiber(0);
#endif
}

void Fiber::enter(unsigned low, unsigned high) {
  reinterpret_cast<Fiber*>(static_cast<uintptr_t>(low) | static_cast<uintptr_t>(high) << 32)->run();
}

void Fiber::run() {
  state_->entered = true;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &state_->outer_bottom, &state_->outer_size);
#endif
  for (;;) {
    try {
      body_();
    } catch (...) {
      state_->error = std::current_exception();
    }
    done_ = true;
    leave();
  }
}

void Fiber::go_in() {
  State& s = *state_;
  if (KVDIFF_SANITIZED) swapcontext(&s.outside, &s.inside);
  else if (_setjmp(s.outside_place) == 0) {
    if (s.entered) _longjmp(s.inside_place, 1);
    setcontext(&s.inside);
  }
}

void Fiber::go_out() {
  State& s = *state_;
  if (KVDIFF_SANITIZED) swapcontext(&s.inside, &s.outside);
  else if (_setjmp(s.inside_place) == 0) _longjmp(s.outside_place, 1);
}

void Fiber::resume() {
  [[maybe_unused]] State& s = *state_;
#if defined(__SANITIZE_ADDRESS__)
  void* own = nullptr;
  __sanitizer_start_switch_fiber(&own, s.stack, stack_size);
#endif
#if defined(__SANITIZE_THREAD__)
  s.tsan_outer = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(s.tsan_fiber, 0);
#endif
  go_in();
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(own, nullptr, nullptr);
#endif
  if (s.error) std::rethrow_exception(std::exchange(s.error, nullptr));
}

void Fiber::leave() {
  [[maybe_unused]] State& s = *state_;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&s.fake_stack, s.outer_bottom, s.outer_size);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(s.tsan_outer, 0);
#endif
  go_out();
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(s.fake_stack, &s.outer_bottom, &s.outer_size);
#endif
}

}  // namespace kvdiff::device
