#pragma once
#include "cache_backends/device/kernels/format.cuh"
