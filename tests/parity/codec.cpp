#include "cache_backends/aten/hqq_aten.h"
#include "cache_backends/registry.h"
#include "tests/parity/bridge.h"
#include "tests/parity/wrong_codec.h"

namespace kvdiff::parity {
namespace {

std::vector<int64_t> sizes_of(const BlockShape& shape) { return {shape.batch, shape.heads, shape.tokens, shape.head_size}; }

std::vector<int64_t> flat(size_t size) { return {static_cast<int64_t>(size)}; }

}  // namespace

// job: {"id", "spec", "side", "input"}. Puts ID.codes, ID.packed, ID.scale, ID.zero, ID.dequantized. options.wrong names
// a planted fault, options.threads is how many ATen may use. A codec that can be frozen takes its scales from the input, or from the tensor "frozen".
json run_codec(const json& job, Exchange& exchange) {
  const std::string id = job.at("id"), input = job.at("input");
  set_aten_threads(exchange.options.value("threads", 1));
  const BlockShape shape = exchange.shape(input);
  const Dtype dtype = exchange.dtype(input);
  const Side side = job.value("side", "key") == "key" ? Side::key : Side::value;
  const CacheSpec spec = parse_cache_spec(job.at("spec").get<std::string>());
  const SideSpec& chosen = side == Side::key ? spec.base.key : spec.base.value;
  std::unique_ptr<Codec> codec = codec_with_fault(chosen, side, exchange.options.value("wrong", ""));
  const std::string first = job.value("frozen", input);
  if (auto frozen = codec->frozen(exchange.values(first), exchange.shape(first), dtype)) codec = std::move(frozen);

  const EncodedBlock block = codec->encode(exchange.values(input), shape, dtype);
  std::vector<float> dequantized(static_cast<size_t>(shape.elements()));
  codec->decode(block, 0, dequantized);
  exchange.put(id + ".codes", sizes_of(shape), codec->codes(block));
  exchange.put(id + ".packed", flat(block.packed.size()), block.packed);
  exchange.put(id + ".scale", flat(block.scale.size()), block.scale);
  exchange.put(id + ".zero", flat(block.zero.size()), block.zero);
  exchange.put(id + ".dequantized", sizes_of(shape), std::move(dequantized));
  return {{"bytes", codec->bytes(block).total()}};
}

}  // namespace kvdiff::parity
