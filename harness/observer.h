#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kvdiff {

namespace device {
class Device;
}

// Lane 0 is the reference, lane 1 the control, candidates follow.
using LaneId = int;

enum class Mode { local, forced, free };
std::string_view name_of(Mode mode);

enum class Stage {
  key,               // fresh, as written           [KV heads, 1, D]
  value,             //                             [KV heads, 1, D]
  key_read,          // whole history as attention reads it, at the first step after a flush  [KV heads, T, D]
  value_read,        //                             [KV heads, T, D]
  attention_logits,  // scaled scores               [heads, T]
  attention_probs,   //                             [heads, T]
  attention_output,  // before the output projection  [heads, D]
  hidden,            // after the layer's last residual addition  [hidden]
  logits,            //                             [vocabulary]
};
constexpr int stage_count = 9;
std::string_view name_of(Stage stage);

// One tensor of a lane beside the reference's at the same place. rows x columns; row = head where the stage has heads
// (for histories: columns = T x D). In free mode, once a lane has parted, nothing is observed: there is no like for like.
struct Observation {
  LaneId lane = 0;
  Mode mode = Mode::forced;
  int64_t step = 0;    // step 0: the token that the prefill's logits choose
  int layer = 0;       // -1 for logits
  Stage stage = Stage::key;
  int64_t rows = 0, columns = 0;
  int32_t followed_token = -1;  // logits only: the token that is fed next, -1 when there is none
  std::span<const float> reference, candidate;
  device::Device* device = nullptr;  // whose memory both lie in; null: the host's
};
// A copy that the host can follow, wherever the observation lies, for an observer that wants whole tensors. values: its reference
// or candidate.
std::vector<float> copy_of(const Observation& observation, std::span<const float> values);

// The engine calls it from several threads at once for different (lane, mode), one after another for the same one.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on(const Observation& observation) = 0;
};

}  // namespace kvdiff
