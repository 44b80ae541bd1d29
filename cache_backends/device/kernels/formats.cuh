#pragma once
#include "cache_backends/device/kernels/affine_format.cuh"
#include "cache_backends/device/kernels/format.cuh"
#include "cache_backends/device/kernels/fp8_format.cuh"
#include "cache_backends/device/kernels/ggml_format.cuh"
#include "cache_backends/device/kernels/hqq_format.cuh"
#include "cache_backends/device/kernels/integer_format.cuh"

// One row per family of codecs: NameFormat is a struct that reads its stores. ScoresName, WeighName and DecodeName are kernels
// (attention.cuh), and of those that have codes DeviationName and MarkName, too (encoding_error.cuh).
#define KVDIFF_CODED_FORMATS(X) \
  X(Hqq)                        \
  X(IntegerRow)                 \
  X(Affine)                     \
  X(GgmlBlock)                  \
  X(Fp8)
#define KVDIFF_FORMATS(X) \
  X(Plain)                \
  KVDIFF_CODED_FORMATS(X)
