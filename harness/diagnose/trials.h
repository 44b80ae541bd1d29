#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/diagnose/parts.h"
#include "harness/run/lockstep.h"

namespace kvdiff {

// One lane beside the reference.
struct Trial {
  CacheSpec spec;
  Patch patch;
  bool read_text = false;  // let it speak freely, too
  bool one_shot = false;   // make_one_shot_cache: histories are encoded from the values as they were given
};

// The two tokens between which a text parts, and the step.
struct FlipPoint {
  int64_t step = 0;
  int32_t reference = -1, candidate = -1;
};

// What a lane makes of these two.
struct FlipLogits {
  double reference = 0, candidate = 0;  // its logits of the reference's token and of the candidate's
  bool says_reference = false;          // of all tokens its largest logit is the reference's token's
  double gap() const { return reference - candidate; }  // above 0: it prefers the reference's token
};

struct TrialAnswer {
  double kld = 0;             // mean over the window, nats; a step without finite logits counts as log(vocabulary)
  int64_t not_finite = 0;     // steps of the window
  int64_t flips = 0;          // steps of the window
  std::optional<int64_t> parts_at;  // read_text: the first step whose token is not the reference's
  int64_t bytes = 0;                // held at the trial's last step: the window's last one where it is read_text
  std::vector<double> kld_by_step;  // of the window
  double largest = 0;               // mean over the window of the step's largest |logit - the reference's|
  std::optional<FlipLogits> flip;   // none: not asked for, behind the trial's last step, or not finite
  double coded_share = 0;           // of the tokens held then on the sides that quantize: those that are codes
};

// Steps [first, first + steps): the lane's own past before them is computed too, and not counted.
struct TrialWindow {
  int64_t first = 0, steps = 48;
  int64_t end() const { return first + steps; }
};

struct TrialPlan {
  LockstepInput input;  // prompt, tokens to follow, end tokens, sampling; lanes and modes are set here
  TrialWindow window;
  int64_t budget = 0;   // trials
  int64_t lanes_per_batch = 20;
  std::optional<FlipPoint> flip = std::nullopt;
};

// Asks the engine. Equal trials are asked once; each that is really run costs one of the budget. The bits of an answer do
// not depend on the batch that it was in (C1), so neither order nor batch size changes a number.
class Trials {
 public:
  Trials(Engine& engine, TrialPlan plan, const RunHooks& hooks) : engine_(engine), plan_(std::move(plan)), hooks_(hooks) {}

  // In order; empty for those that the budget, or an interrupt, left out. Throws UserError(usage) for a spec that the model
  // cannot hold.
  std::vector<std::optional<TrialAnswer>> ask(const std::vector<Trial>& trials);

  // What was answered already: costs nothing.
  std::optional<TrialAnswer> known(const Trial& trial) const;

  const TrialWindow& window() const { return plan_.window; }
  int64_t asked() const { return asked_; }
  int64_t budget() const { return plan_.budget; }
  int64_t left() const { return interrupted_ ? 0 : std::max<int64_t>(0, plan_.budget - asked_ - kept_); }
  void keep(int64_t trials) { kept_ = trials; }  // so many of the budget are for later
  // Trials asked from now on run to the flip's step where that lies behind the window, save those that are read_text. The
  // window's figures are the same bits; only time is spent.
  void follow_flip(bool follows) { follows_flip_ = follows; }
  void join(const Trials& other);                // those of another prompt: they count here, too
  bool interrupted() const { return interrupted_; }
  const std::string& control_fault() const { return control_fault_; }  // empty: the control was bit-equal in every batch

 private:
  void run_batches(const std::vector<const Trial*>& fresh);
  void run_batch(const std::vector<const Trial*>& batch);
  int64_t end_of_batch(bool read_text) const;

  Engine& engine_;
  const TrialPlan plan_;
  const RunHooks hooks_;
  std::map<std::string, TrialAnswer> answers_;
  int64_t asked_ = 0, kept_ = 0;
  bool interrupted_ = false, follows_flip_ = false;
  std::string control_fault_;
};

}  // namespace kvdiff
