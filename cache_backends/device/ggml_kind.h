#pragma once

namespace kvdiff::device {

// How a block of 32 becomes codes (codecs/ggml_blocks.cpp).
enum class GgmlKind {
  signed_bytes,  // q8_0
  centred,       // q4_0, q5_0: the value of largest magnitude gets the lowest code
  minimum,       // q4_1, q5_1
  steps,         // iq4_nl
};

}  // namespace kvdiff::device
