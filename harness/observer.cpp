#include "harness/observer.h"

#include "cache_backends/device/device.h"
#include "cache_backends/error.h"

namespace kvdiff {

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::local: return "local";
    case Mode::forced: return "forced";
    case Mode::free: return "free";
  }
  throw InternalError("a mode that has no name");
}

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::key: return "key";
    case Stage::value: return "value";
    case Stage::key_read: return "key_read";
    case Stage::value_read: return "value_read";
    case Stage::attention_logits: return "attention_logits";
    case Stage::attention_probs: return "attention_probs";
    case Stage::attention_output: return "attention_output";
    case Stage::hidden: return "hidden";
    case Stage::logits: return "logits";
  }
  throw InternalError("a stage that has no name");
}

std::vector<float> copy_of(const Observation& observation, std::span<const float> values) {
  if (!observation.device) return {values.begin(), values.end()};
  std::vector<float> copy(values.size());
  observation.device->copy_out(copy.data(), values.data(), static_cast<int64_t>(values.size_bytes()));
  return copy;
}

}  // namespace kvdiff
