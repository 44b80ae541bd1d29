#pragma once
#include <cstdint>

namespace kvdiff::device {

// A launch: blocks.x x blocks.y blocks of `width` threads, each block with so many bytes of shared memory.
struct Geometry {
  int64_t blocks_x = 0, blocks_y = 1;
  int width = 0;
  int64_t shared_bytes = 0;
  int64_t blocks() const { return blocks_x * blocks_y; }
};

constexpr int64_t blocks_for(int64_t items, int64_t per_block) { return (items + per_block - 1) / per_block; }

}  // namespace kvdiff::device
