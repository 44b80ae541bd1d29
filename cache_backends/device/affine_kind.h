#pragma once

namespace kvdiff::device {

// Where the affine codecs put codes and groups (kernels/affine_layout.cuh).
enum class AffineKind {
  runs,      // quanto, axis 0: groups are neighbours in memory
  channels,  // quanto, axis -1: one channel of consecutive rows of the list of all tokens
  tokens,    // KIVI's keys: one channel of consecutive tokens of a head
  heads,     // KIVI's values: neighbouring channels of one token and head
  bytes,     // LMDeploy, int8: a group per token and head
  nibbles,   // LMDeploy, int4: the same, halves of a head side by side
};

}  // namespace kvdiff::device
