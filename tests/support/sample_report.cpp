#include "tests/support/sample_report.h"

#include <algorithm>
#include <limits>

#include "harness/verdict/verdict.h"

namespace kvdiff {
namespace {

constexpr int64_t layers = 30, kv_heads = 3, steps = 48, prompt_tokens = 37;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// 0 ... 1, scattered, the same everywhere: Knuth's multiplicative hash.
double scatter(int64_t i) { return static_cast<double>((static_cast<uint32_t>(i) * 2654435761u) >> 22) / 1024.0; }

double at_layer(double level, int64_t layer) {
  const double ends = layer == 0 ? 4.0 : layer == layers - 1 ? 2.5 : 1.0;
  return level * ends * (0.7 + 0.6 * scatter(layer));
}

std::vector<int32_t> words(int32_t first, int64_t count) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(first + static_cast<int32_t>(i * 7919 % 40000));
  return ids;
}

StageFigures stage_figures(Stage stage, double relative_l2, int64_t layer) {
  StageFigures figures{stage, {}, {}, {static_cast<int64_t>(layer % steps), static_cast<int32_t>(layer), 1, 12}};
  const Figure none{std::nullopt, "no error"};
  figures.figures = {{"relative_l2", {relative_l2, ""}}, {"max_abs", {relative_l2 * 12, ""}},
                     {"sqnr", relative_l2 == 0 ? none : Figure{20.0 - 40.0 * relative_l2, ""}}};
  for (int64_t head = 0; head < kv_heads; ++head) figures.relative_l2_by_head.push_back(relative_l2 * (0.9 + 0.1 * static_cast<double>(head)));
  return figures;
}

HeatMapReport heat_map(Stage stage, double level) {
  HeatMapReport map{stage, steps, 4, {}};
  for (int64_t layer = 0; layer < layers; ++layer) {
    auto& row = map.relative_l2.emplace_back();
    for (int64_t column = 0; column < steps / 4; ++column) {
      const double value = at_layer(level, layer) * static_cast<double>(1 + column) / 6;
      row.push_back(column == 0 ? nan : static_cast<double>(static_cast<int64_t>(value * 100000)) / 100000);
    }
  }
  return map;
}

LocalReport local_report(double level) {
  LocalReport local{steps, {}, {}, {}, {{Stage::key_read, 1, 0, level * 4, level * 30}}};
  for (int64_t layer = 0; layer < layers; ++layer) {
    local.layers.push_back({static_cast<int32_t>(layer),
                            {stage_figures(Stage::key, at_layer(level, layer), layer),
                             stage_figures(Stage::value, at_layer(level * 1.4, layer + 1), layer),
                             stage_figures(Stage::attention_output, at_layer(level * 0.6, layer + 2), layer)}});
  }
  StepCurve& curve = local.by_step.emplace_back(StepCurve{Stage::attention_output, {nan}});
  for (int64_t step = 1; step < steps; ++step) curve.relative_l2.push_back(level * (0.5 + scatter(step)));
  local.heat_maps.push_back(heat_map(Stage::key, level));
  return local;
}

// How bad a lane is, and where.
struct Damage {
  double level = 0;         // relative L2 of an ordinary layer
  double kld = 0;           // nats, at step 1
  double growth = 0;        // of the KLD per step
  std::vector<int64_t> flips;
  NearTie near_tie = NearTie::no;
  std::optional<int64_t> onset;
};

FlipReport flip_at(int64_t step, NearTie near_tie) {
  const double margin = near_tie == NearTie::yes ? 0.0000305 : 0.4 + scatter(step);
  return {step, {284, " the", 14.25, -0.9}, {253, " a", 13.5, -1.6}, margin, margin, 1, near_tie};
}

ForcedReport forced_report(const Damage& damage) {
  ForcedReport forced;
  forced.steps = steps;
  double sum = 0, largest = 0;
  for (int64_t step = 0; step < steps; ++step) {
    const double kld = step == 0 ? 0 : damage.kld * (1 + damage.growth * static_cast<double>(step)) * (0.3 + 1.4 * scatter(step * 3));
    forced.kld.push_back(kld);
    forced.top1_match.push_back(std::ranges::find(damage.flips, step) == damage.flips.end());
    sum += kld;
    largest = std::max(largest, kld);
  }
  for (const int64_t step : damage.flips) forced.flips.push_back(flip_at(step, damage.near_tie));
  forced.summary = {{"kld_mean", {sum / steps, ""}}, {"kld_median", {damage.kld, ""}}, {"kld_p99", {largest, ""}},
                    {"kld_max", {largest, ""}}, {"flips", {static_cast<double>(damage.flips.size()), ""}},
                    {"flip_share", {static_cast<double>(damage.flips.size()) / steps, ""}}};
  forced.perplexity = PerplexityReport{6.25, 6.25 + sum, 1 + sum / 6.25};
  forced.onset = {damage.onset, 0.1, 8};
  for (int64_t layer = 0; layer < layers; ++layer) {
    forced.layers.push_back({static_cast<int32_t>(layer),
                             {stage_figures(Stage::hidden, damage.level * 0.3 * static_cast<double>(layer + 2) / layers, layer)}});
  }
  StepCurve& curve = forced.by_step.emplace_back(StepCurve{Stage::hidden, {}});
  for (int64_t step = 0; step < steps; ++step) curve.relative_l2.push_back(damage.level * static_cast<double>(step) / steps);
  forced.heat_maps.push_back(heat_map(Stage::hidden, damage.level));
  return forced;
}

constexpr const char* reference_text =
    "A refrigerator works by moving heat from its inside to the room around it.\n\n"
    "1. **The compressor** squeezes a gas called the *refrigerant*, which makes it hot.\n"
    "2. **The condenser**, the coil at the back, lets that heat go into the air.";

FreeReport free_report(std::string text, std::vector<int32_t> tokens) {
  FreeReport free;
  free.tokens = std::move(tokens);
  free.text = std::move(text);
  free.stop_reason = "tokens";
  free.gibberish = GibberishReport{"none", -1, 0, 0, "", false, "", 0.875};
  return free;
}

Divergence divergence_at(int64_t step, const char* reference, const char* candidate, double margin) {
  Divergence divergence;
  divergence.step = step;
  divergence.reference = {339, reference, 17.5, -0.41};
  divergence.candidate = {253, candidate, 16.875, -0.72};
  divergence.reference_for_candidate = {253, candidate, 17.5 - margin, -0.41 - margin};
  divergence.reference_top = {{339, reference, 17.5, -0.41}, divergence.reference_for_candidate};
  divergence.candidate_top = {{253, candidate, 16.875, -0.72}, {339, reference, 16.5, -1.1}};
  divergence.reference_margin = margin;
  divergence.candidate_margin = 0.375;
  divergence.near_tie = margin < 0.001 ? NearTie::yes : NearTie::no;
  return divergence;
}

// The reference's text up to `offset`, then the lane's own.
FreeReport parted(int64_t step, int64_t offset, const std::string& rest, const Divergence& divergence) {
  FreeReport free = free_report(std::string(reference_text).substr(0, static_cast<size_t>(offset)) + rest, words(11, steps));
  free.tokens[static_cast<size_t>(step)] = divergence.candidate.id;
  free.first_divergence = divergence;
  free.divergence_offset = offset;
  return free;
}

SideProof side_proof(const std::string& codec, int64_t residual, int64_t codes) {
  constexpr int64_t held = prompt_tokens + steps - 1;
  SideProof proof{codec, codec != "full", {}};
  if (!proof.quantizes) {
    proof.receipt.tokens_residual = held;
    return proof;
  }
  proof.receipt = {held - residual, residual, 2, 3 * held * 64, 2, codes, (held - residual) * 30, 0.21, 0.25, 0, 0, {}, {}};
  proof.receipt.measured = {(held - residual) * 96, (held - residual) * 6, (held - residual) * 6, residual * 384};
  proof.receipt.expected = proof.receipt.measured;
  return proof;
}

LaneReport lane(std::string name, LaneRole role, std::string spec) {
  LaneReport lane;
  lane.name = std::move(name);
  lane.role = role;
  lane.cache = lane.canonical = std::move(spec);
  lane.steps = steps;
  const auto count = static_cast<int64_t>(std::count(lane.cache.begin(), lane.cache.end(), 'q'));
  lane.digests = {"9f1c2b3a4d5e6f70", "00c1d2e3f4a5b6c7", count == 0 ? "5ad34c2b1f0e9d88" : "7be0a1b2c3d4e5f6"};
  lane.reproduce = "kvdiff run --model smollm2 --dtype float32 --chat 'How does a refrigerator work?' --tokens 48";
  if (role == LaneRole::candidate) lane.reproduce += " --cache " + lane.cache;
  return lane;
}

void add_proof(LaneReport& lane, const SideProof& key, const SideProof& value, BytesReport bytes) {
  lane.receipt.layers.assign(layers, {key, value});
  bytes.total = bytes.codes + bytes.scales + bytes.zeros + bytes.residual;
  bytes.full_precision = 1935360;
  lane.bytes = bytes;
}

LaneReport full_lane(const char* name, LaneRole role) {
  LaneReport full = lane(name, role, "full");
  add_proof(full, side_proof("full", 0, 0), side_proof("full", 0, 0), {0, 0, 0, 1935360});
  if (role == LaneRole::reference) full.free = free_report(reference_text, words(11, steps));
  return full;
}

LaneReport candidate(const char* spec, const SideProof& key, const SideProof& value, const BytesReport& bytes, const Damage& damage) {
  LaneReport made = lane(spec, LaneRole::candidate, spec);
  add_proof(made, key, value, bytes);
  made.local = local_report(damage.level);
  made.forced = forced_report(damage);
  made.not_measured = {{"forced: attention_probs", "not asked for"}};
  return made;
}

LaneReport int8_lane() {
  const SideProof proof = side_proof("int8", 0, 255);
  LaneReport made = candidate("int8", proof, proof, {967680, 30240}, {0.0041, 0.00021, 0.01, {}, NearTie::no, {}});
  made.free = free_report(reference_text, words(11, steps));
  return made;
}

LaneReport mixed_lane() {
  LaneReport made = candidate("k=hqq:bits=8,axis=1/v=hqq:axis=1,residual=32", side_proof("hqq:bits=8,axis=1", 32, 256),
                              side_proof("hqq:axis=1", 32, 16), {451584, 18816, 18816, 737280},
                              {0.021, 0.0042, 0.03, {31}, NearTie::yes, {}});
  made.forced->beyond_positions = BeyondPositions{44, {{"kld_mean", {0.0078125, ""}}, {"kld_p99", {std::nullopt, "too few steps"}}}};
  made.free = parted(31, 159, " into the air.\n2. **The condenser**", divergence_at(31, " makes", " turns", 0.0000305));
  return made;
}

LaneReport four_bit_lane() {
  const SideProof proof = side_proof("hqq:axis=1", 32, 16);
  LaneReport made = candidate("hqq:axis=1,residual=32", proof, proof, {301056, 18816, 18816, 737280},
                              {0.083, 0.024, 0.11, {9, 17, 30, 41}, NearTie::no, 34});
  made.free = parted(17, 49, "the food into a gas. The gas is called “Freon”, and it is cold.\n\nThe food is cold because it is cold.",
                     divergence_at(17, " the", " a", 0.594));
  made.peer_failures = {{33, 0, Side::key,
                         {true, false, false,
                          "The size of tensor a (70) must match the size of tensor b (71) at non-singleton dimension 0", "RuntimeError"}}};
  made.warnings = {"the cache pads the last byte of codes where hqq 0.2.8.post1 raises"};
  return made;
}

LaneReport two_bit_lane() {
  const SideProof proof = side_proof("hqq:bits=2,group=16", 0, 4);
  LaneReport made = candidate("hqq:bits=2,group=16,residual=1", proof, proof, {241920, 120960, 120960, 23040},
                              {0.47, 2.1, 0.05, {1, 2, 3, 5, 8, 13, 21, 34, 40, 41, 42, 43}, NearTie::no, 1});
  made.free = parted(2, 2, "A.A.A.A.\x1b[31mA.A.A.A.A.A.A.A.A.A.A.A.A.A.A.A.A.A.A.", divergence_at(2, " refrigerator", "A", 3.42));
  made.free->gibberish = GibberishReport{"loop", 3, 2, 22, "A.", false, "2 tokens repeat 22 times, to the end", 0.25};
  made.free->gibberish_offset = 3;
  return made;
}

LaneReport overflowing_lane() {
  const SideProof proof = side_proof("hqq:bits=8,group=8", 0, 256);
  LaneReport made = candidate("hqq:bits=8,group=8,residual=1", proof, proof, {967680, 241920, 241920, 23040},
                              {0.02, 0.004, 0.01, {}, NearTie::no, {}});
  made.forced->kld[40] = nan;
  made.local->layers[4].stages[0].figures[1].figure = {std::numeric_limits<double>::infinity(), ""};
  made.not_finite = {{Mode::forced, Stage::key, {40, 4, 1, 12}, false, true, "NaN", 64}};
  return made;
}

void fill_frame(RunReport& report) {
  report.environment = {"0.1.0", "g++ 12.2.0", "Intel(R) Xeon(R) Processor", "Linux 6.1 x86_64", {"avx2", "fma", "f16c", "avx512f"},
                        "avx512", 2, "cpu", "", "2026-01-31T12:00:00Z"};
  report.digests = {"1c9e5a7d3b2f4860", "ad0f6b1c2d3e4f51", "77aa88bb99cc00dd", "0123456789abcdef", "fedcba9876543210"};
  report.model = {"/models/SmolLM2-135M-Instruct", "llama", "float16", "float32", "sdpa", layers, 9, kv_heads, 64, 49152, 8192};
  report.prompt = {"chat", "chatml", "<|im_start|>user\nHow does a refrigerator work?<|im_end|>\n<|im_start|>assistant\n",
                   words(1, prompt_tokens)};
  report.settings = {"", {Mode::local, Mode::forced, Mode::free}, steps, false, "", {0, 0, 1, 18446744073709551615u}};
  report.floors.control = {true, true, ""};
  report.floors.recomputation = {true, true, ""};
  report.floors.arithmetic = ArithmeticFloor{std::vector<double>(steps, 0.0000153)};
  report.reproduce = "kvdiff run --model smollm2 --dtype float32 --chat 'How does a refrigerator work?' --tokens 48 --cache int8 "
                     "--cache k=hqq:bits=8,axis=1/v=hqq:axis=1,residual=32 --cache hqq:axis=1,residual=32 "
                     "--cache hqq:bits=2,group=16,residual=1 --cache hqq:bits=8,group=8,residual=1";
  report.timing = {14.25, 27.5, {{"load", 0.75}, {"prefill", 0.5}, {"decode", 13.0}}};
}

}  // namespace

RunReport sample_report() {
  RunReport report;
  fill_frame(report);
  report.lanes = {full_lane("reference", LaneRole::reference), full_lane("control", LaneRole::control), int8_lane(), mixed_lane(),
                  four_bit_lane(), two_bit_lane(), overflowing_lane()};
  report.lanes[1].reproduce.clear();
  report.not_measured = {{"attention_probs", "not asked for"}};
  report.warnings = {"the model's chat template inserts a system prompt of its own; it was used"};
  return report;
}

RunReport with_few_layers(RunReport report) {
  constexpr size_t few = 2;
  const auto shorten = [](auto& mode) {
    mode.layers.resize(few);
    for (HeatMapReport& map : mode.heat_maps) map.relative_l2.resize(few);
  };
  for (LaneReport& lane : report.lanes) {
    if (lane.local) shorten(*lane.local);
    if (lane.forced) shorten(*lane.forced);
    lane.receipt.layers.resize(std::min(few, lane.receipt.layers.size()));
  }
  return report;
}

RunReport judged_sample_report() {
  RunReport report = sample_report();
  LaneReport idle = int8_lane();
  idle.name = idle.cache = idle.canonical = "hqq:residual=4096";
  idle.reproduce = lane("", LaneRole::candidate, idle.cache).reproduce;
  for (LayerProof& layer : idle.receipt.layers) {
    layer.key.receipt = layer.value.receipt = SideReceipt{};
    layer.key.receipt.tokens_residual = layer.value.receipt.tokens_residual = prompt_tokens + steps - 1;
  }
  LaneReport broken = lane("hqq:group=48", LaneRole::candidate, "hqq:group=48");
  broken.status = LaneStatus::error;
  broken.exit_code = 2;
  broken.reason = "group 48 does not divide the 7,104 elements of layer 0's keys; use 16, 32 or 64";
  LaneReport skipped = lane("fp8", LaneRole::candidate, "fp8");
  skipped.status = LaneStatus::skipped;
  skipped.reason = "the plan asked for 5 lanes at most";
  report.lanes.insert(report.lanes.end(), {idle, broken, skipped});
  return judged(report, {{"kld_mean", 0.02}, {"first_divergence", 16}});
}

}  // namespace kvdiff
