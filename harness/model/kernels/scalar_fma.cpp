#define KVDIFF_SCALAR_TABLE scalar_fma_kernels
#include "harness/model/kernels/scalar_kernels.h"
