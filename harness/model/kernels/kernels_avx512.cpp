#include "harness/model/kernels/vector_avx512.h"
#define KVDIFF_VECTOR_TABLE avx512_kernels
#include "harness/model/kernels/vector_kernels.h"
