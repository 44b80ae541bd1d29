#pragma once
#include "cache_backends/device/kernels/format.cuh"
#include "cache_backends/device/kernels/integer_format.cuh"
#include "cache_backends/device/kernels/affine_format.cuh"
#include "cache_backends/device/kernels/ggml_format.cuh"
#include "cache_backends/device/kernels/fp8_format.cuh"
