#include <algorithm>
#include <map>
#include <ostream>

#include "cache_backends/device/launch_table.h"
#include "harness/metrics/recorder.h"
#include "tests/cache_backends/device/recorded_device.h"
#include "tests/cache_backends/device/test_device.h"
#include "tests/catch.h"
#include "tests/harness/metrics/measurements_text.h"
#include "tests/support/engine_fixture.h"

// Whole runs on the emulated device: the kernels of --device cuda through the same table, in memory that the host cannot touch
// between two launches, so that nothing can be computed by the host in passing.
using namespace kvdiff;
using namespace kvdiff::test;

namespace {

// All that a run gives of its lanes, as text: tokens, digests, measurements, receipts.
std::string everything_of(Engine& engine, LockstepInput input) {
  Recorder recorder({static_cast<int>(input.lanes.size()), static_cast<int>(engine.model.shape().layers), input.tokens});
  input.observer = &recorder;
  const LockstepResult result = run_lockstep(engine, input, {});
  std::string text = result.control.found ? "control differs\n" : "";
  for (size_t lane = 0; lane < input.lanes.size(); ++lane) {
    const LaneTrace& trace = result.lanes[lane];
    text += input.lanes[lane].name + "\n";
    for (const int32_t token : trace.free_tokens) text += std::to_string(token) + " ";
    for (const Stream* stream : {trace.forced.get(), trace.local.get(), trace.free.get()}) {
      if (!stream) continue;
      text += "\n" + hex_of_layers(stream->digest.key) + hex_of_layers(stream->digest.value) + hex(stream->digest.logits.value());
      for (const SideReceipt& side : stream->cache->receipt().key)
        text += " " + std::to_string(side.tokens_quantized) + "/" + std::to_string(side.distinct_codes) + "/" +
                std::to_string(side.largest_error) + "/" + std::to_string(side.measured.total());
    }
    text += "\n" + text_of(recorder.take(static_cast<LaneId>(lane))) + "\n";
  }
  const Recomputation again = recompute(engine, *result.lanes[0].forced, input.prompt, static_cast<int64_t>(input.prompt.size()) - 1);
  return text + again.difference;
}

const std::vector<std::string> few = {"hqq:bits=4,group=16,residual=5", "int8"};
const std::vector<std::string> lanes = {
    "hqq:bits=4,group=16,residual=5", "hqq:bits=3,group=16,axis=1,residual=3", "int8", "int8:per=channel,scale=frozen", "full",
    "k=int8/v=hqq:bits=4,group=16,residual=0,schedule=hf", "hqq:bits=4,group=16,residual=6,prefill=quantized",
    "quanto:bits=4,group=16,residual=4", "kivi:bits=2,residual=8", "fp8", "hf-fp8", "int4:scheme=zero"};

}  // namespace

TEST_CASE("device run: lockstep on emulated threads is lockstep on the host, to the last bit", "[device][lockstep]") {
  for (const Dtype dtype : {Dtype::float32, Dtype::float16, Dtype::bfloat16}) {
    const auto device = test_device();
    TinyEngine host({.dtype = dtype, .eager = dtype == Dtype::bfloat16});
    TinyEngine emulated({.dtype = dtype, .eager = dtype == Dtype::bfloat16, .device = device.get()});
    const LockstepInput input = lockstep_of(dtype == Dtype::float16 ? lanes : few, 19, 9);
    const std::string expected = everything_of(host.engine(), input);
    const std::string found = everything_of(emulated.engine(), input);
    CHECK((found == expected));  // not printed: long
  }
}

TEST_CASE("device run: every operation of a step is in the launch log", "[device][lockstep]") {
  const auto device = test_device();
  TinyEngine emulated({.dtype = Dtype::float16, .device = device.get()});
  everything_of(emulated.engine(), lockstep_of({"hqq:bits=4,group=16,residual=5"}, 9, 6));
  const device::LaunchLog log = device->log();
  std::vector<std::string> missing;
  for (const device::KernelId id :
       {device::KernelId::LinearFloat16, device::KernelId::EmbedFloat16, device::KernelId::RmsNorm, device::KernelId::Rope,
        device::KernelId::SiluMultiply, device::KernelId::AddRounded, device::KernelId::TakeRows, device::KernelId::ByHead,
        device::KernelId::Store, device::KernelId::ScoresPlain, device::KernelId::WeighPlain, device::KernelId::ScoresHqq,
        device::KernelId::DeviationHqq, device::KernelId::HqqBound, device::KernelId::FoldErrors, device::KernelId::MarkHqq,
        device::KernelId::WeighHqq, device::KernelId::AttentionSoftmax, device::KernelId::JoinChunks, device::KernelId::HqqRanges,
        device::KernelId::HqqPack, device::KernelId::HqqStored, device::KernelId::ComparePairs, device::KernelId::CompareSoftmax,
        device::KernelId::CompareVocabularies, device::KernelId::LargestToken, device::KernelId::DigestBits,
        device::KernelId::SameBits, device::KernelId::ScoreTokens, device::KernelId::NextLargest})
    if (log.launches[static_cast<size_t>(id)] == 0) missing.emplace_back(device::emulated_launch(id).row);
  CHECK(missing == std::vector<std::string>{});
}

namespace {

struct Traffic {
  int64_t copies = 0, waits = 0, bytes = 0;
  friend bool operator==(const Traffic&, const Traffic&) = default;
  friend Traffic operator-(const Traffic& a, const Traffic& b) { return {a.copies - b.copies, a.waits - b.waits, a.bytes - b.bytes}; }
  friend std::ostream& operator<<(std::ostream& out, const Traffic& all) {
    return out << all.copies << " copies, " << all.waits << " waits, " << all.bytes << " bytes";
  }
};

// Of the whole lockstep, without what the recorder is asked for in the end.
Traffic traffic_of(int64_t tokens, bool observed, const Sampling& sampling) {
  const auto device = test_device();
  TinyEngine emulated({.dtype = Dtype::float16, .device = device.get()});
  LockstepInput input = lockstep_of({"int8", "hqq:bits=4,group=16,residual=0"}, 9, tokens);
  input.sampling = sampling;
  Recorder recorder({static_cast<int>(input.lanes.size()), static_cast<int>(emulated.engine().model.shape().layers), input.tokens});
  if (observed) input.observer = &recorder;
  const device::LaunchLog before = device->log();
  run_lockstep(emulated.engine(), input, {});
  const device::LaunchLog after = device->log();
  return {after.copies_out - before.copies_out, after.waits - before.waits, after.bytes_out - before.bytes_out};
}

}  // namespace

TEST_CASE("device run: a step brings the tokens of all lanes in one copy, and waits for nothing else, observed or not", "[device][lockstep]") {
  for (const bool observed : {false, true}) {
    const Traffic all = traffic_of(12, observed, {}), steps = all - traffic_of(4, observed, {});
    INFO("observed: " << observed << "; 12 steps: " << all << "; steps 5 to 12: " << steps);
    // A step: four lanes, a token each. The other bytes come in one copy in the end: whether key, value and attention output of
    // two layers, and the logits, of the control are the reference's.
    CHECK(steps == Traffic{8, 8, 8 * (4 * 4 + 4 * (2 * 3 + 1))});
  }
}

TEST_CASE("device run: batches of figures come over while the run goes on, and nobody waits for them", "[device][lockstep]") {
  using Did = RecordedDevice::Did;
  constexpr int64_t tokens = 31, large = 100000;
  RecordedDevice device(test_device());
  TinyEngine emulated({.tiny = {.layers = 8, .intermediate_size = 32, .heads = 8, .kv_heads = 4, .head_size = 4, .outlier_channels = {}},
                       .dtype = Dtype::float16, .device = &device});
  LockstepInput input = lockstep_of({"full"}, 9, tokens);
  Recorder recorder({3, 8, tokens});
  input.observer = &recorder;
  const int64_t before = device.log().waits;
  run_lockstep(emulated.engine(), input, {});
  const int64_t after = device.log().waits;
  CHECK(after - before == tokens + 1);   // a step's tokens; in the end, whether the control was the reference
  std::map<int64_t, int64_t> under_way;  // batch -> kernels that were started since it was
  std::vector<int64_t> meanwhile;
  for (const auto& event : device.events()) {
    if (event.did == Did::start && event.bytes > large) under_way[event.copy] = 0;
    if (event.did == Did::launch)
      for (auto& [copy, kernels] : under_way) ++kernels;
    if (event.did == Did::wait && under_way.contains(event.copy)) meanwhile.push_back(under_way.extract(event.copy).mapped());
  }
  CHECK(meanwhile.size() == 2);  // of control and candidate, forced: collected when the batch after it was full
  CHECK(under_way.size() == 3);  // those, and the candidate's local one: not yet asked for
  for (const int64_t kernels : meanwhile) CHECK(kernels > 1000);
  for (LaneId lane = 1; lane < 3; ++lane) recorder.take(lane);
  CHECK(device.log().waits - after == 3);  // the last batch of each; those before it were there
}
