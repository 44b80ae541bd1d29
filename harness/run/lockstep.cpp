#include "harness/run/lockstep.h"

#include <algorithm>
#include <chrono>

namespace kvdiff {
namespace {

// Two cuttings of the prompt on purpose: the control must come to the same bits by another route.
constexpr int64_t reference_piece = 512, control_piece = 37;
constexpr LaneId reference_lane = 0, control_lane = 1;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One lane on its way. Its free text rides on the forced stream until its first token that is not the followed one.
struct Lane {
  LaneTrace trace;
  bool riding = false, free_done = true;
  Values own_prefill_logits;
  std::span<const float> forced_logits, free_logits;  // of this step; free: empty while riding
  size_t choice = 0;                                  // which of this step's choices is its own
  int32_t free_token = -1;                            // chosen at this step

  std::span<const float> carrier() const { return riding ? forced_logits : free_logits; }
};

class Lockstep {
 public:
  Lockstep(Engine& engine, const LockstepInput& input, const RunHooks& hooks)
      : engine_(engine), input_(input), hooks_(hooks), shape_(engine.model.shape().cache()), lanes_(input.lanes.size()),
        checks_(engine.compute) {
    result_.stop = "tokens";
  }

  LockstepResult run() {
    const auto start = std::chrono::steady_clock::now();
    prefill_all();
    result_.prefill_seconds = seconds_since(start);
    for (step_ = 0;; ++step_) {
      take_step();
      report("decode");
      if (step_ + 1 >= input_.tokens || !anything_left()) break;
      if (hooks_.interrupted && hooks_.interrupted()) {
        interrupt();
        break;
      }
      pass();
    }
    result_.decode_seconds = seconds_since(start) - result_.prefill_seconds;
    check_control_cache();
    result_.control = checks_.first();
    for (Lane& lane : lanes_) result_.lanes.push_back(std::move(lane.trace));
    return std::move(result_);
  }

 private:
  // ---- prefill
  std::unique_ptr<Stream> make_stream(LaneId lane, Mode mode) const {
    std::unique_ptr<KvCache> cache = make_cache(input_.lanes[static_cast<size_t>(lane)].spec, shape_, engine_.compute.memory());
    if (hooks_.wrap_cache) cache = hooks_.wrap_cache(lane, mode, std::move(cache));
    return std::make_unique<Stream>(lane, mode, std::move(cache), shape_.layers);
  }

  bool has_forced_stream(LaneId lane) const { return lane <= control_lane || input_.forced || input_.free; }

  void prefill_all() {
    for (Lane& lane : lanes_) {
      lane.riding = input_.free;
      lane.free_done = !input_.free;
    }
    own_prefill(reference_lane, reference_piece);
    own_prefill(control_lane, control_piece);
    check_control_logits();
    for (LaneId lane = control_lane + 1; lane < lane_count(); ++lane)
      if (input_.lanes[static_cast<size_t>(lane)].own_prefill && has_forced_stream(lane))
        own_prefill(lane, input_.prefill_piece);
    engine_.pool.run(lane_count() - 2, [&](int64_t index, int) { share_prefill(static_cast<LaneId>(index) + 2); });
  }

  void own_prefill(LaneId id, int64_t piece) {
    report("prefill");
    Lane& lane = at(id);
    lane.trace.forced = make_stream(id, Mode::forced);
    lane.own_prefill_logits = prefill_values(engine_, *lane.trace.forced, input_.prompt, piece);
    lane.forced_logits = lane.own_prefill_logits.span();
  }

  void share_prefill(LaneId id) {
    Lane& lane = at(id);
    const Stream& reference = *at(reference_lane).trace.forced;
    const bool own = lane.trace.forced != nullptr;
    if (!own && has_forced_stream(id)) {
      lane.trace.forced = make_stream(id, Mode::forced);
      copy_prefill(engine_, reference, *lane.trace.forced, input_.prefill_piece);
      lane.forced_logits = at(reference_lane).forced_logits;
    }
    if (!input_.local) return;
    if (lane.trace.forced && !own) {
      lane.trace.local = fork_as_free(*lane.trace.forced, -1);  // the same K and V so far: encoded once
      lane.trace.local->mode = Mode::local;
      return;
    }
    lane.trace.local = make_stream(id, Mode::local);
    copy_prefill(engine_, reference, *lane.trace.local, input_.prefill_piece);
  }

  // ---- one step: logits are there, tokens are chosen; a device goes on with the digests while the tokens come over
  void take_step() {
    const bool forced = reference_goes_on_, own_text = forced && !input_.follow;
    TokenChoices choices(input_.sampling, step_, engine_.compute.device());
    const size_t of_reference = own_text ? choices.add(at(reference_lane).forced_logits) : 0;
    for (Lane& lane : lanes_)
      if (!lane.free_done) lane.choice = choices.add(lane.carrier());
    choices.start(engine_.pool);
    engine_.pool.run(lane_count(), [&](int64_t index, int) { add_logits_to_digest(at(static_cast<LaneId>(index))); });
    int32_t followed = -1;
    if (forced) {
      followed = own_text ? choices.token(of_reference) : (*input_.follow)[static_cast<size_t>(step_)];
      result_.followed.push_back(followed);
      ++result_.steps;
    }
    if (input_.observer && forced && input_.forced)
      engine_.pool.run(lane_count() - 1, [&](int64_t index, int) { observe_logits(static_cast<LaneId>(index) + 1, followed); });
    for (Lane& lane : lanes_)
      if (!lane.free_done) lane.free_token = choices.token(lane.choice);
    find_divergences();
    const bool forced_ends = forced && ends_after(followed);
    for (LaneId id = 0; id < lane_count(); ++id) advance(id, followed, forced_ends);
    if (forced_ends) reference_goes_on_ = false;
  }

  bool is_end(int32_t token) const {
    return std::find(input_.end_tokens.begin(), input_.end_tokens.end(), token) != input_.end_tokens.end();
  }

  bool ends_after(int32_t followed) {
    if (input_.follow) {
      if (step_ + 1 < static_cast<int64_t>(input_.follow->size())) return false;
      result_.stop = "end of the followed text";
      return true;
    }
    if (is_end(followed)) result_.stop = "end token";
    return is_end(followed);
  }

  void add_logits_to_digest(Lane& lane) const {
    if (lane.trace.forced && !lane.forced_logits.empty()) add_to_digest(engine_.compute, lane.trace.forced->digest.logits, lane.forced_logits);
    if (lane.trace.free && !lane.free_logits.empty()) add_to_digest(engine_.compute, lane.trace.free->digest.logits, lane.free_logits);
  }

  void observe_logits(LaneId id, int32_t followed) const {
    if (lanes_[static_cast<size_t>(id)].forced_logits.empty()) return;
    Observation seen;
    seen.lane = id;
    seen.mode = Mode::forced;
    seen.step = step_;
    seen.layer = -1;
    seen.stage = Stage::logits;
    seen.rows = 1;
    seen.columns = engine_.model.shape().vocabulary;
    seen.followed_token = followed;
    seen.reference = lanes_[reference_lane].forced_logits;
    seen.candidate = lanes_[static_cast<size_t>(id)].forced_logits;
    seen.device = engine_.compute.device();
    input_.observer->on(seen);
  }

  void find_divergences() {
    const Lane& reference = at(reference_lane);
    if (reference.free_done) return;
    for (LaneId id = 1; id < lane_count(); ++id) {
      Lane& lane = at(id);
      if (lane.free_done || lane.trace.divergence || lane.free_token == reference.free_token) continue;
      lane.trace.divergence = describe_divergence(
          {step_, reference.free_token, lane.free_token, LogitRow(reference.carrier(), engine_.compute.device()),
           LogitRow(lane.carrier(), engine_.compute.device()), std::nullopt}, input_.token_text);
    }
  }

  void advance(LaneId id, int32_t followed, bool forced_ends) {
    Lane& lane = at(id);
    if (!lane.free_done) {
      lane.trace.free_tokens.push_back(lane.free_token);
      const bool end = is_end(lane.free_token);
      if (end || step_ + 1 >= input_.tokens) {
        lane.free_done = true;
        lane.trace.free_stop = end ? "end token" : "tokens";
      }
    }
    if (lane.riding && (lane.free_done || lane.free_token != followed || forced_ends)) {
      if (!lane.free_done) lane.trace.free = fork_as_free(*lane.trace.forced, lane.free_token);
      lane.riding = false;
      if (!input_.forced && id > control_lane && lane.trace.free) lane.trace.forced.reset();
    }
    if (lane.trace.free) lane.trace.free->next_token = lane.free_token;
    if (lane.trace.forced) lane.trace.forced->next_token = followed;
    lane.forced_logits = lane.free_logits = {};
  }

  // ---- the next pass
  bool forced_row(LaneId id) const {
    const Lane& lane = lanes_[static_cast<size_t>(id)];
    return reference_goes_on_ && lane.trace.forced && (id <= control_lane || input_.forced || lane.riding);
  }
  bool free_row(LaneId id) const {
    const Lane& lane = lanes_[static_cast<size_t>(id)];
    return lane.trace.free && !lane.free_done;
  }

  bool anything_left() const {
    for (LaneId id = 0; id < lane_count(); ++id)
      if (free_row(id)) return true;
    if (!reference_goes_on_) return false;
    if (input_.forced || input_.local) return true;
    return std::any_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.riding; });
  }

  void pass() {
    PassStreams streams;
    streams.reference_active = reference_goes_on_;
    streams.observe_forced = input_.forced;
    streams.control = control_lane;
    streams.step = step_ + 1;
    for (LaneId id = 0; id < lane_count(); ++id)
      if (forced_row(id)) streams.rows.push_back(at(id).trace.forced.get());
    for (LaneId id = 0; id < lane_count(); ++id)
      if (free_row(id)) streams.rows.push_back(at(id).trace.free.get());
    for (LaneId id = 0; id < lane_count() && reference_goes_on_; ++id)
      if (at(id).trace.local) streams.local.push_back(at(id).trace.local.get());
    run_pass(streams);
    hand_out_logits(streams);
  }

  void run_pass(const PassStreams& streams) {
    RowBatch batch;
    for (Stream* stream : streams.rows) {
      batch.logit_rows.push_back(batch.rows());
      batch.tokens.push_back(stream->next_token);
      batch.positions.push_back(stream->position++);
      batch.lengths.push_back(stream->position);
    }
    for (Stream* stream : streams.local) ++stream->position;
    engine_.compute.resize(logits_, static_cast<int64_t>(streams.rows.size()) * engine_.model.shape().vocabulary);
    DecodeSite site(engine_, streams, input_.observe_layers ? input_.observer : nullptr, checks_);
    engine_.model.forward(batch, site, logits_.span());
  }

  void hand_out_logits(const PassStreams& streams) {
    const auto width = static_cast<size_t>(engine_.model.shape().vocabulary);
    for (size_t row = 0; row < streams.rows.size(); ++row) {
      const auto logits = std::span<const float>(logits_.span()).subspan(row * width, width);
      Lane& lane = at(streams.rows[row]->lane);
      (streams.rows[row]->mode == Mode::free ? lane.free_logits : lane.forced_logits) = logits;
    }
    check_control_logits();
  }

  void check_control_logits() {
    const auto reference = at(reference_lane).forced_logits, control = at(control_lane).forced_logits;
    if (!reference.empty()) checks_.compare({true, step_ + 1, -1, Stage::logits}, reference, control);
  }

  // A flaw in what is held may be too small to show in an attention output, so all of it is looked at in the end.
  void check_control_cache() {
    const KvCache& reference = *at(reference_lane).trace.forced->cache;
    const KvCache& control = *at(control_lane).trace.forced->cache;
    for (int layer = 0; layer < shape_.layers; ++layer)
      for (const Side side : {Side::key, Side::value}) {
        if (checks_.known()) return;
        checks_.compare({true, step_, layer, side == Side::key ? Stage::key_read : Stage::value_read},
                        held(reference, layer, side).span(), held(control, layer, side).span());
      }
  }

  Values held(const KvCache& cache, int layer, Side side) const {
    const KvPages pages = cache.pages(layer);
    return engine_.compute.read_back(pages, side, engine_.model.shape().attention, 0, pages.tokens);
  }

  void interrupt() {
    result_.interrupted = true;
    result_.stop = "interrupted";
    for (Lane& lane : lanes_)
      if (!lane.free_done) lane.trace.free_stop = "interrupted";
  }

  void report(const char* phase) const {
    if (!hooks_.progress) return;
    int64_t rows = 0;
    for (LaneId id = 0; id < lane_count(); ++id) rows += forced_row(id) + free_row(id);
    hooks_.progress({phase, step_ + 1, input_.tokens, rows, lane_count()});
  }

  Lane& at(LaneId lane) { return lanes_[static_cast<size_t>(lane)]; }
  LaneId lane_count() const { return static_cast<LaneId>(lanes_.size()); }

  Engine& engine_;
  const LockstepInput& input_;
  const RunHooks& hooks_;
  CacheShape shape_;
  std::vector<Lane> lanes_;
  Values logits_;
  ControlChecks checks_;
  LockstepResult result_;
  int64_t step_ = 0;
  bool reference_goes_on_ = true;
};

}  // namespace

LockstepResult run_lockstep(Engine& engine, const LockstepInput& input, const RunHooks& hooks) {
  return Lockstep(engine, input, hooks).run();
}

}  // namespace kvdiff
