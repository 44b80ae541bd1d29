#pragma once
#include <functional>
#include <memory>

namespace kvdiff::device {

// A function that can be left in the middle and gone on with: one CUDA thread. Stacks are used again and again.
// Known to AddressSanitizer and ThreadSanitizer.
class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // A body that was left in the middle is forgotten: what it holds on its stack is not destroyed.
  void start(std::function<void()> body);
  // Runs the body until it calls leave() or ends. What the body throws comes out here.
  void resume();
  void leave();  // called by the body
  bool done() const { return done_; }

 private:
  struct State;
  static void enter(unsigned low, unsigned high);
  void make_context();
  void run();
  void go_in();
  void go_out();
  std::unique_ptr<State> state_;
  std::function<void()> body_;
  bool done_ = true;
};

}  // namespace kvdiff::device
