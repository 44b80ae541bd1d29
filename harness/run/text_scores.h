#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "harness/run/prefill.h"

namespace kvdiff {

// What the reference thinks of texts that others wrote: of each text and token -ln p(token | prompt, the tokens before
// it), in nats, over the whole vocabulary (no temperature, no top-k). NaN where its logits are not finite.
// `reference` is a full-precision stream that was fed `prompt` first, and whatever else; it is left as it is: each text
// is read behind a fork of it. All texts share their passes. The bits do not depend on the other texts, on threads, or on
// how the texts are cut. (Dynamic RoPE scaling apart: it turns by the length at each pass.)
std::vector<std::vector<double>> score_texts(Engine& engine, const Stream& reference, std::span<const int32_t> prompt,
                                             std::span<const std::vector<int32_t>> texts);

}  // namespace kvdiff
