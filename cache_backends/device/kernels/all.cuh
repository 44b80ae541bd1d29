#pragma once
#include "cache_backends/device/kernels/linear.cuh"
#include "cache_backends/device/kernels/list.h"
#include "cache_backends/device/kernels/rows.cuh"
#include "cache_backends/device/kernels/pair_sums.cuh"
#include "cache_backends/device/kernels/softmax_rows.cuh"
#include "cache_backends/device/kernels/vocabulary.cuh"
#include "cache_backends/device/kernels/digest.cuh"
