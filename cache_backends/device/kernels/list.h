#pragma once
// Every kernel, one row each: a type of a .cuh file of this folder. A row here is a launch in both tables (launch_table.h),
// and a line in the budget of registers and shared memory.
#define KVDIFF_KERNELS(X) \
  X(LinearFloat32)        \
  X(LinearFloat16)        \
  X(LinearBfloat16)       \
  X(EmbedFloat32)         \
  X(EmbedFloat16)         \
  X(EmbedBfloat16)        \
  X(RmsNorm)              \
  X(Rope)                 \
  X(SiluMultiply)         \
  X(AddRounded)           \
  X(TakeRows)             \
  X(ByHead)               \
  X(ComparePairs)         \
  X(CompareSoftmax)       \
  X(CompareVocabularies)  \
  X(LargestToken)         \
  X(DigestBits)

namespace kvdiff::device {

#define KVDIFF_ROW(Kernel) Kernel,
enum class KernelId { KVDIFF_KERNELS(KVDIFF_ROW) count };
#undef KVDIFF_ROW

}  // namespace kvdiff::device
