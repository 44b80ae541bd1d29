#pragma once
#include "cache_backends/device/kernels/affine_format.cuh"
#include "cache_backends/device/kernels/format.cuh"
#include "cache_backends/device/kernels/fp8_format.cuh"
#include "cache_backends/device/kernels/ggml_format.cuh"
#include "cache_backends/device/kernels/hqq_format.cuh"
#include "cache_backends/device/kernels/integer_format.cuh"

// One row per family of codecs: NameFormat is a struct that reads its stores, and ScoresName, WeighName and DecodeName are
// kernels (attention.cuh).
#define KVDIFF_FORMATS(X) \
  X(Plain)                \
  X(Hqq)                  \
  X(IntegerRow)           \
  X(Affine)               \
  X(GgmlBlock)            \
  X(Fp8)
