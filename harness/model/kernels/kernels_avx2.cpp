#include "harness/model/kernels/vector_avx2.h"
#define KVDIFF_VECTOR_TABLE avx2_kernels
#include "harness/model/kernels/vector_kernels.h"
