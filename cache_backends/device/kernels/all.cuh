#pragma once
#include "cache_backends/device/kernels/linear.cuh"
#include "cache_backends/device/kernels/list.h"
#include "cache_backends/device/kernels/rows.cuh"
#include "cache_backends/device/kernels/integer_encode.cuh"
#include "cache_backends/device/kernels/affine_encode.cuh"
#include "cache_backends/device/kernels/ggml_encode.cuh"
#include "cache_backends/device/kernels/fp8_encode.cuh"
