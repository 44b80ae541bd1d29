#pragma once
#include "cache_backends/device/kernels/format.cuh"
#include "cache_backends/device/kernels/hqq_format.cuh"
