#pragma once
#include "cache_backends/device/kernels/attention.cuh"
#include "cache_backends/device/kernels/linear.cuh"
#include "cache_backends/device/kernels/list.h"
#include "cache_backends/device/kernels/memory.cuh"
#include "cache_backends/device/kernels/rows.cuh"
#include "cache_backends/device/kernels/softmax.cuh"
