#include "cache_backends/peer_operations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace kvdiff {
namespace {

PeerVerdict raises(std::string exception, std::string message) {
  PeerVerdict verdict;
  verdict.raises = true;
  verdict.exception = std::move(exception);
  verdict.message = std::move(message);
  return verdict;
}

PeerVerdict wrong(std::string message) {
  PeerVerdict verdict;
  verdict.silently_wrong = true;
  verdict.message = std::move(message);
  return verdict;
}

bool one_of(const std::vector<int64_t>& legal, int64_t value) {
  return std::find(legal.begin(), legal.end(), value) != legal.end();
}

PeerVerdict refused(std::string_view argument, std::string_view backend, const std::vector<int64_t>& legal, int64_t found) {
  return raises("ValueError", fmt::format("`{}` for `{}` backend has to be one of [`{}`] but got {}", argument,
                                          backend == "hqq" ? "HQQ" : backend, fmt::join(legal, "`, `"), found));
}

PeerVerdict fp8_verdict(const PeerConfig& config) {
  const std::array<std::pair<std::string_view, bool>, 5> given = {{{"nbits", config.nbits.has_value()},
                                                                   {"axis_key", config.axis_key.has_value()},
                                                                   {"axis_value", config.axis_value.has_value()},
                                                                   {"q_group_size", config.q_group_size.has_value()},
                                                                   {"residual_length", config.residual_length.has_value()}}};
  std::vector<std::string> names;
  for (const auto& [name, is_given] : given) {
    if (is_given) names.push_back(fmt::format("'{}'", name));
  }
  if (names.empty()) return {};
  return raises("ValueError", fmt::format("The `fp8` backend quantizes per-tensor and does not support [{}]. Use the "
                                          "`quanto` or `hqq` backend to quantize group-wise.",
                                          fmt::join(names, ", ")));
}

// torch's reshape to sizes of which one may be -1.
PeerVerdict reshape_verdict(const std::vector<int64_t>& sizes) {
  int inferred = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == -1 && ++inferred == 2) return raises("RuntimeError", "only one dimension can be inferred");
    if (sizes[i] < -1)
      return raises("RuntimeError", fmt::format("invalid shape dimension {} at index {} of shape [{}]", sizes[i], i,
                                                fmt::join(sizes, ", ")));
  }
  return {};
}

PeerVerdict hqq_group_verdict(const BlockShape& shape, int64_t group, int64_t axis) {
  if (group > 0) return {};
  if (group == 0) return raises("ZeroDivisionError", "division by zero");
  if (shape.elements() % group != 0)
    return raises("AssertionError", fmt::format("group_size should be divisble by the total tensor dimensions. shape: "
                                                "torch.Size([{}, {}, {}, {}]), group_size: {}",
                                                shape.batch, shape.heads, shape.tokens, shape.head_size, group));
  return axis == 1 ? reshape_verdict({-1, group}) : reshape_verdict({group, -1});
}

}  // namespace

PeerVerdict crop_verdict(int64_t count, bool filled, PeerResidual& residual) {
  if (count > 0)
    return raises("ValueError", fmt::format("Calling `crop` with a positive value (`{}`) is not supported. Please use a "
                                            "negative integer to remove that number of tokens from the cache instead.",
                                            count));
  if (count == 0 || !filled) return {};
  if (!residual.grown) return raises("IndexError", "too many indices for tensor of dimension 1");
  residual.tokens = std::max<int64_t>(0, residual.tokens + count);
  return wrong("no error and a wrong cache: only tokens in full precision are removed, and the length still counts them");
}

PeerVerdict deep_copy_verdict(bool records_gradients, bool quanto) {
  if (records_gradients)
    return raises("RuntimeError",
                  "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
                  "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, "
                  "see https://github.com/pytorch/pytorch/pull/103001");
  if (!quanto) return {};
  return raises("RuntimeError",
                "The default implementation of __deepcopy__() for wrapper subclasses only works for subclass types that "
                "implement clone() and for which cloning returns another instance of the same subclass. You should either "
                "properly implement clone() for your subclass or override __deepcopy__() if it is intended behavior for "
                "clone() to return an instance of a different type.");
}

PeerVerdict shallow_copy_verdict() {
  return wrong("no error and a shared cache: the copy has the same layers, so what is appended to one is in both");
}

PeerVerdict constructor_verdict(const PeerConfig& config) {
  if (config.backend == "fp8") return fp8_verdict(config);
  const bool hqq = config.backend == "hqq";
  if (!hqq && config.backend != "quanto")
    return raises("ValueError", fmt::format("Unknown quantization backend `{}`", config.backend));
  const std::vector<int64_t> bits = hqq ? std::vector<int64_t>{1, 2, 3, 4, 8} : std::vector<int64_t>{2, 4};
  const std::vector<int64_t> axes = {0, hqq ? 1 : -1};
  if (!one_of(bits, config.nbits.value_or(4))) return refused("nbits", config.backend, bits, *config.nbits);
  if (!one_of(axes, config.axis_key.value_or(0))) return refused("axis_key", config.backend, axes, *config.axis_key);
  if (!one_of(axes, config.axis_value.value_or(0))) return refused("axis_value", config.backend, axes, *config.axis_value);
  return {};
}

PeerVerdict quanto_group_verdict(const BlockShape& shape, int64_t group, int64_t axis) {
  if (group == 0) return raises("ZeroDivisionError", "integer modulo by zero");
  const int64_t along = shape.elements() / (axis == 0 ? shape.batch : shape.head_size);
  if (group > along || along % group != 0)
    return raises("ValueError", fmt::format("Group size ({}) must be a divisor of ({})", group, along));
  if (group > 0) return {};
  return axis == 0 ? reshape_verdict({-1, group}) : reshape_verdict({along / group, group, shape.head_size});
}

PeerVerdict group_verdict(const PeerConfig& config, const BlockShape& first) {
  const int64_t group = config.q_group_size.value_or(64);
  for (const int64_t axis : {config.axis_key.value_or(0), config.axis_value.value_or(0)}) {
    const PeerVerdict verdict = config.backend == "quanto" ? quanto_group_verdict(first, group, axis)
                                : config.backend == "hqq"  ? hqq_group_verdict(first, group, axis)
                                                           : PeerVerdict{};
    if (!verdict.message.empty()) return verdict;
  }
  return {};
}

}  // namespace kvdiff
