#pragma once
// A kernel's source is compiled twice: by nvcc for the GPU, and by the host's compiler for the emulator. Names of the two do
// not mix: each stands in a namespace of its own.
#ifdef __CUDACC__
#define KVDIFF_DEVICE __device__ __forceinline__
#define KVDIFF_SHARED_CODE __host__ __device__ __forceinline__
#define KVDIFF_TARGET on_gpu
#define KVDIFF_UNROLL _Pragma("unroll")
#else
#define KVDIFF_DEVICE inline
#define KVDIFF_SHARED_CODE inline
#define KVDIFF_TARGET on_host
#define KVDIFF_UNROLL
#endif
