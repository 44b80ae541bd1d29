#include "harness/run/lane_report.h"

#include <algorithm>
#include <cmath>

#include "harness/run/measured_mode.h"
#include "harness/text_findings/gibberish.h"
#include "scenarios/command_line.h"
#include "scenarios/plan.h"

namespace kvdiff {
namespace {

constexpr LaneId first_candidate = 2;

// The cache that a lane's bytes and receipt are told of: forced, else free, else local.
const Stream& main_stream(const LaneTrace& trace) {
  if (trace.forced) return *trace.forced;
  return trace.free ? *trace.free : *trace.local;
}

SideProof proof(const SideSpec& spec, const SideReceipt& receipt) {
  return {spec.codec, spec.codec != "full", receipt};
}

ReceiptReport receipt_report(const CacheSpec& spec, const Receipt& receipt) {
  ReceiptReport report;
  const auto layers = static_cast<int64_t>(receipt.key.size());
  for (int64_t layer = 0; layer < layers; ++layer) {
    const LayerSpec sides = layer_spec(spec, layer, layers);
    const auto at = static_cast<size_t>(layer);
    report.layers.push_back({proof(sides.key, receipt.key[at]), proof(sides.value, receipt.value[at])});
  }
  return report;
}

BytesReport bytes_report(const KvCache& cache) {
  const Bytes bytes = cache.bytes();
  const CacheShape& shape = cache.shape();
  int64_t elements = 0;
  for (int layer = 0; layer < shape.layers; ++layer)
    elements += 2 * cache.length(layer) * shape.batch * shape.heads * shape.head_size;
  return {bytes.codes, bytes.scales, bytes.zeros, bytes.residual, bytes.total(), 2 * elements};
}

int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

// One lane's generated text, and where in it each token begins.
struct Generated {
  const Tokenizer& tokenizer;
  std::span<const int32_t> tokens;
  bool ended;

  std::string text(size_t count) const { return tokenizer.decode(tokens.first(count), true); }
  int64_t offset(int64_t token) const {
    return code_points(text(std::min(tokens.size(), static_cast<size_t>(token))));
  }
  std::vector<std::string> pieces() const {
    std::vector<std::string> all;
    for (const int32_t token : tokens) all.push_back(tokenizer.is_special(token) ? "" : tokenizer.token_bytes(token));
    return all;
  }
};

Generated generated(const LaneContext& context, LaneId lane) {
  const LaneTrace& trace = context.result.lanes[static_cast<size_t>(lane)];
  return {context.ready.text.tokenizer, trace.free_tokens, trace.free_stop == "end token"};
}

std::optional<double> mean_nll(std::span<const double> nll) {
  double sum = 0;
  for (const double one : nll) sum += one;
  return nll.empty() || !std::isfinite(sum) ? std::nullopt : std::optional(sum / static_cast<double>(nll.size()));
}

GibberishReport gibberish(const LaneContext& context, LaneId lane) {
  const Generated reference = generated(context, 0), candidate = generated(context, lane);
  const std::vector<std::string> of_reference = reference.pieces(), of_candidate = candidate.pieces();
  const GeneratedText own{candidate.tokens, of_candidate, candidate.ended, context.nll[static_cast<size_t>(lane)]};
  const GeneratedText beside{reference.tokens, of_reference, reference.ended, context.nll[0]};
  const std::string& prompt = context.ready.prompt.text;
  const GibberishFinding found = lane == 0 ? find_gibberish(own, prompt) : detect_gibberish(beside, own, prompt);
  return {std::string(name_of(found.kind)), found.onset, found.period, found.turns, found.period_text,
          found.reference_too, found.evidence, mean_nll(own.nll)};
}

FreeReport free_report(const LaneContext& context, LaneId lane) {
  const LaneTrace& trace = context.result.lanes[static_cast<size_t>(lane)];
  const Generated own = generated(context, lane);
  FreeReport report;
  report.tokens = trace.free_tokens;
  report.text = own.text(own.tokens.size());
  report.stop_reason = trace.free_stop;
  report.first_divergence = trace.divergence;
  if (report.first_divergence) {
    const auto step = static_cast<size_t>(report.first_divergence->step);
    if (step < context.floor.size())
      report.first_divergence->near_tie =
          near_tie(report.first_divergence->reference_margin, context.floor[step]);
    report.divergence_offset = own.offset(report.first_divergence->step);
  }
  report.gibberish = gibberish(context, lane);
  if (report.gibberish->onset >= 0) report.gibberish_offset = own.offset(report.gibberish->onset);
  return report;
}

int64_t trained_steps(const LaneContext& context) {
  const auto prompt = static_cast<int64_t>(context.ready.prompt.token_ids.size());
  return context.ready.files.config.max_positions - prompt + 1;
}

void take_measurements(const LaneContext& context, const LaneMeasurements& measured, LaneReport& report) {
  for (const ModeMeasurements& mode : measured.modes) {
    if (mode.mode == Mode::local) report.local = local_report(mode);
    if (mode.mode == Mode::forced)
      report.forced = forced_report(mode, context.ready.token_text(), trained_steps(context));
    if (const auto found = not_finite(mode)) report.not_finite.push_back(*found);
    for (NotMeasured& missing : not_measured(mode)) report.not_measured.push_back(std::move(missing));
  }
}

void name_lane(const LaneContext& context, LaneId lane, LaneReport& report) {
  const LaneInput& input = context.input.lanes[static_cast<size_t>(lane)];
  report.name = input.name;
  report.role = lane >= first_candidate ? LaneRole::candidate : lane == 0 ? LaneRole::reference : LaneRole::control;
  report.cache = input.spec.text;
  report.canonical = canonical(input.spec);
  report.reproduce = lane >= first_candidate
                         ? command_line(lane_case(context.run, static_cast<size_t>(lane - first_candidate)))
                         : command_line(context.run);
}

}  // namespace

LaneReport lane_report(const LaneContext& context, LaneId lane, const LaneMeasurements& measured) {
  const LaneTrace& trace = context.result.lanes[static_cast<size_t>(lane)];
  const Stream& stream = main_stream(trace);
  LaneReport report;
  name_lane(context, lane, report);
  report.steps = std::max(context.result.steps, static_cast<int64_t>(trace.free_tokens.size()));
  report.bytes = bytes_report(*stream.cache);
  const Receipt receipt = stream.cache->receipt();
  report.receipt = receipt_report(context.input.lanes[static_cast<size_t>(lane)].spec, receipt);
  report.peer_failures = receipt.peer_failures;
  report.digests = {hex_of_layers(stream.digest.key), hex_of_layers(stream.digest.value),
                    hex(stream.digest.logits.value())};
  take_measurements(context, measured, report);
  if (context.input.free) report.free = free_report(context, lane);
  return report;
}

}  // namespace kvdiff
