#include <fmt/format.h>

#include "cache_backends/quantized_cache.h"
#include "cache_backends/saved/archive.h"

namespace kvdiff {
namespace {

constexpr int64_t any = int64_t{1} << 62;

void save_failure(ArchiveWriter& out, const PeerFailure& failure) {
  out.number(failure.update);
  out.number(failure.layer);
  out.number(static_cast<int64_t>(failure.side));
  const PeerVerdict& verdict = failure.verdict;
  for (const bool flag : {verdict.raises, verdict.silently_wrong, verdict.at_dequantize}) out.number(flag);
  out.text(verdict.message);
  out.text(verdict.exception);
}

}  // namespace

std::vector<std::byte> QuantizedCache::save() const {
  ArchiveWriter out;
  for (const Layer& layer : layers_) {
    out.number(layer.updates);
    layer.key.save(out);
    layer.value.save(out);
  }
  out.number(static_cast<int64_t>(peer_failures_.size()));
  for (const PeerFailure& failure : peer_failures_) save_failure(out, failure);
  return framed(described_, {out.take()});
}

PeerFailure QuantizedCache::restored_failure(ArchiveReader& in) const {
  PeerFailure failure;
  failure.update = in.number(0, any, "update");
  failure.layer = static_cast<int>(in.number(0, shape_.layers - 1, "layer"));
  failure.side = static_cast<Side>(in.number(0, 1, "side"));
  for (bool* flag : {&failure.verdict.raises, &failure.verdict.silently_wrong, &failure.verdict.at_dequantize})
    *flag = in.flag("a verdict's flag of");
  failure.verdict.message = in.text();
  failure.verdict.exception = in.text();
  return failure;
}

QuantizedCache::Layer QuantizedCache::restored_layer(const Layer& own, ArchiveReader& in) const {
  const int64_t updates = in.number(0, any, "updates:");
  Layer layer{own.key.restored(in), own.value.restored(in), updates};
  if (layer.key.tokens() != layer.value.tokens())
    throw_damaged(fmt::format("{} tokens of keys", layer.key.tokens()), fmt::format("{}, as of values", layer.value.tokens()));
  return layer;
}

void QuantizedCache::restore(std::span<const std::byte> saved) {
  ArchiveReader in(unframed(saved, described_, 1)[0]);
  std::vector<Layer> layers;
  for (const Layer& own : layers_) layers.push_back(restored_layer(own, in));
  std::vector<PeerFailure> failures;
  for (int64_t left = in.number(0, in.left(), "failures of the peer:"); left > 0; --left) failures.push_back(restored_failure(in));
  in.finish();
  layers_ = std::move(layers);
  peer_failures_ = std::move(failures);
}

}  // namespace kvdiff
