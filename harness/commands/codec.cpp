#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "cache_backends/registry.h"
#include "cache_backends/spec_dialects.h"
#include "cache_backends/storage.h"
#include "harness/commands/command.h"
#include "harness/commands/output.h"
#include "harness/model/files/safetensors_writer.h"
#include "harness/model/files/tensor_values.h"

namespace kvdiff {
namespace {

struct CodecFlags {
  std::string spec, input, output, tensor = "x", side;
  int64_t head_size = 0;
};

[[noreturn]] void refuse(const std::string& message) { throw UserError(ExitCode::usage, "codec: " + message); }

Side side_of(const CacheSpec& spec, const std::string& text) {
  if (text == "key" || text == "value") return text == "key" ? Side::key : Side::value;
  if (!text.empty()) refuse(fmt::format("--side {}: expected key or value", text));
  if (spec.base.key == spec.base.value) return Side::key;
  refuse(fmt::format("{} encodes keys and values differently: say --side key or --side value", spec.text));
}

SideSpec codec_spec(const CacheSpec& spec, Side side) {
  if (!spec.overrides.empty()) refuse(fmt::format("{} has layers of its own; give the codec of one of them", spec.text));
  const SideSpec& chosen = side == Side::key ? spec.base.key : spec.base.value;
  if (is_full(chosen)) refuse(fmt::format("{} is full precision there: it encodes nothing", spec.text));
  return chosen;
}

const TensorEntry& find_tensor(const SafetensorsFile& file, const std::string& name) {
  std::vector<std::string> names;
  for (const TensorEntry& tensor : file.content.tensors) {
    if (tensor.name == name) return tensor;
    if (names.size() < 8) names.push_back(tensor.name);
  }
  throw UserError(ExitCode::input, fmt::format("{}: no tensor '{}'; it holds {}{}. Choose one with --tensor",
                                               file.path.string(), name, fmt::join(names, ", "),
                                               names.size() < file.content.tensors.size() ? ", ..." : ""));
}

struct Input {
  std::vector<float> values;
  BlockShape shape;
  Dtype dtype = Dtype::float32;
  std::string type_name;
};

// [B, H, S, D]; [H, S, D] of one sequence; [H, S x D] as --dump writes histories, with --head-size.
BlockShape block_shape(const TensorEntry& tensor, int64_t head_size) {
  std::vector<int64_t> sizes = tensor.shape;
  if (sizes.size() == 2 && head_size > 0 && sizes[1] % head_size == 0) sizes = {sizes[0], sizes[1] / head_size, head_size};
  if (sizes.size() == 3) sizes.insert(sizes.begin(), 1);
  const bool empty = std::any_of(sizes.begin(), sizes.end(), [](int64_t size) { return size < 1; });
  if (sizes.size() == 4 && !empty) return {sizes[0], sizes[1], sizes[2], sizes[3]};
  throw UserError(ExitCode::input,
                  fmt::format("tensor {} has the shape {}, expected [batch, heads, tokens, head size], [heads, tokens, head "
                              "size], or [heads, tokens x head size] with --head-size; none of them 0",
                              tensor.name, shape_text(tensor.shape)));
}

Input read_input(const TensorEntry& tensor, int64_t head_size) {
  const Dtype dtype = tensor.type == StoredType::F16    ? Dtype::float16
                      : tensor.type == StoredType::BF16 ? Dtype::bfloat16
                                                        : Dtype::float32;
  return {read_all(tensor), block_shape(tensor, head_size), dtype, tensor.type_name};
}

struct Encoded {
  EncodedBlock block;
  std::vector<int32_t> codes;
  std::vector<float> decoded;
};

Encoded encode(const Codec& codec, const Input& input) {
  Encoded encoded{codec.encode(input.values, input.shape, input.dtype), {}, {}};
  encoded.codes = codec.codes(encoded.block);
  encoded.decoded.resize(input.values.size());
  codec.decode(encoded.block, 0, encoded.decoded);
  return encoded;
}

void write(const CodecFlags& flags, const SideSpec& spec, const Input& input, const Encoded& encoded) {
  const BlockShape& s = input.shape;
  const std::vector<int64_t> sizes = {s.batch, s.heads, s.tokens, s.head_size};
  const auto count = [](const auto& numbers) { return std::vector<int64_t>{static_cast<int64_t>(numbers.size())}; };
  std::vector<std::byte> decoded(encoded.decoded.size() * size_of(input.dtype));
  store(input.dtype, encoded.decoded.data(), s.elements(), decoded.data());
  const EncodedBlock& block = encoded.block;
  const std::vector<TensorEntry> tensors = {
      {"codes", StoredType::other, "I32", sizes, std::as_bytes(std::span(encoded.codes))},
      {"packed", StoredType::other, "U8", count(block.packed), block.packed},
      float32_entry("scale", count(block.scale), block.scale),
      float32_entry("zero", count(block.zero), block.zero),
      {"dequantized", StoredType::other, input.type_name, sizes, decoded},
  };
  write_safetensors(flags.output, tensors, {{"codec", canonical(spec)}, {"peer", std::string(find_codec(spec.codec).peer)},
                                            {"made_by", "kvdiff codec"}});
}

std::string summary(const Codec& codec, const SideSpec& spec, const Input& input, const Encoded& encoded) {
  const auto full = static_cast<double>(2 * input.shape.elements());
  Bytes bytes = codec.bytes(encoded.block);
  bytes += codec.shared_bytes();
  double largest = 0;
  int64_t broken = 0;
  for (size_t i = 0; i < input.values.size(); ++i) {
    const double error = std::fabs(double{encoded.decoded[i]} - input.values[i]);
    if (std::isfinite(error)) largest = std::max(largest, error);
    broken += std::isfinite(input.values[i]) && !std::isfinite(encoded.decoded[i]);
  }
  const PeerVerdict verdict = codec.peer_verdict(input.shape);
  std::string text = fmt::format(
      "{} after {}\n{} values, {} of {} codes used, {} bytes ({:.1f}% less than 16 bits a value)\nlargest error {:.4g}\n",
      canonical(spec), find_codec(spec.codec).peer, input.values.size(),
      std::set<int32_t>(encoded.codes.begin(), encoded.codes.end()).size(), codec.levels(), bytes.total(),
      100 - 100 * static_cast<double>(bytes.total()) / full, largest);
  if (broken > 0) text += fmt::format("{} finite values are infinite or no number when decoded\n", broken);
  if (!verdict.message.empty()) text += fmt::format("the peer {}: {}\n", verdict.raises ? "raises" : "is silently wrong", verdict.message);
  return text;
}

ExitCode run_codec(const CodecFlags& flags) {
  const CacheSpec spec = parse_any_spec(flags.spec).spec;
  const Side side = side_of(spec, flags.side);
  const SideSpec chosen = codec_spec(spec, side);
  std::unique_ptr<Codec> codec = find_codec(chosen.codec).make(chosen, side);
  const SafetensorsFile file = open_safetensors(flags.input);
  const Input input = read_input(find_tensor(file, flags.tensor), flags.head_size);
  if (auto frozen = codec->frozen(input.values, input.shape, input.dtype)) codec = std::move(frozen);
  const Encoded encoded = encode(*codec, input);
  write(flags, chosen, input, encoded);
  print(summary(*codec, chosen, input, encoded));
  return ExitCode::passed;
}

}  // namespace

std::function<ExitCode()> declare_codec(CLI::App& parser, const ReportRoom&) {
  const auto flags = std::make_shared<CodecFlags>();
  parser.add_option("spec", flags->spec, "the codec, like hqq:bits=4,axis=1; of a spec the codec is used, not the schedule")->required();
  parser.add_option("in", flags->input, "a safetensors file with a tensor [batch, heads, tokens, head size]: F32, F16 or BF16")->required();
  parser.add_option("out", flags->output,
                    "gets codes (I32), packed (U8), scale and zero (F32; quanto's shift is its zero) and dequantized (the input's type)")->required();
  parser.add_option("--tensor", flags->tensor, "which tensor (x)")->type_name("NAME");
  parser.add_option("--head-size", flags->head_size, "of a tensor [heads, tokens x head size], as --dump writes histories")
      ->type_name("N")->check(CLI::PositiveNumber);
  parser.add_option("--side", flags->side, "key or value, for a spec that treats them differently")->type_name("SIDE");
  return [flags] { return run_codec(*flags); };
}

}  // namespace kvdiff
