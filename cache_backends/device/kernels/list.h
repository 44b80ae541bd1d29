#pragma once
// Every kernel, one row each: a type of a .cuh file of this folder. A row here is a launch in both tables (launch_table.h),
// and a line in the budget of registers and shared memory.
#define KVDIFF_READERS(X, Format) X(Scores##Format) X(Weigh##Format) X(Decode##Format)  // attention.cuh
#define KVDIFF_JUDGES(X, Format) X(Deviation##Format) X(Mark##Format)                     // encoding_error.cuh
#define KVDIFF_KERNELS(X)       \
  KVDIFF_READERS(X, Plain)      \
  KVDIFF_READERS(X, Hqq)        \
  KVDIFF_READERS(X, IntegerRow) \
  KVDIFF_READERS(X, Affine)     \
  KVDIFF_READERS(X, GgmlBlock)  \
  KVDIFF_READERS(X, Fp8)        \
  X(LinearFloat32)              \
  X(LinearFloat16)              \
  X(LinearBfloat16)             \
  X(EmbedFloat32)               \
  X(EmbedFloat16)               \
  X(EmbedBfloat16)              \
  X(RmsNorm)                    \
  X(Rope)                       \
  X(SiluMultiply)               \
  X(AddRounded)                 \
  X(TakeRows)                   \
  X(ByHead)                     \
  X(AttentionSoftmax)           \
  X(JoinChunks)                 \
  X(Rotate)                     \
  X(Store)                      \
  X(SameBits)                   \
  X(CascadeRuns)                \
  X(HqqRanges)                  \
  X(HqqErrorsFloat32)           \
  X(HqqErrorsFloat16)           \
  X(HqqMeanErrorFloat32)        \
  X(HqqMeanErrorFloat16)        \
  X(HqqTermsFloat32)            \
  X(HqqTermsFloat16)            \
  X(HqqZerosFloat32)            \
  X(HqqZerosFloat16)            \
  X(HqqPack)                    \
  X(HqqStored)                  \
  X(GroupRanges)                \
  X(IntegerScale)               \
  X(IntegerCodes)               \
  X(AffineParameters)           \
  X(AffineCodes)                \
  X(GgmlQuantize)               \
  X(Fp8Scale)                   \
  X(Fp8Codes)                   \
  X(ComparePairs)               \
  X(CompareSoftmax)             \
  X(CompareVocabularies)        \
  X(LargestToken)               \
  X(ScoreTokens)                \
  X(NextLargest)                \
  X(NoisiestToken)              \
  X(DigestBits)                 \
  KVDIFF_JUDGES(X, Hqq)         \
  KVDIFF_JUDGES(X, IntegerRow)  \
  KVDIFF_JUDGES(X, Affine)      \
  KVDIFF_JUDGES(X, GgmlBlock)   \
  KVDIFF_JUDGES(X, Fp8)         \
  X(FoldErrors)                 \
  X(HqqBound)                   \
  X(IntegerBound)               \
  X(AffineBound)                \
  X(GgmlBound)                  \
  X(Fp8Bound)

namespace kvdiff::device {

#define KVDIFF_ROW(Kernel) Kernel,
enum class KernelId { KVDIFF_KERNELS(KVDIFF_ROW) count };
#undef KVDIFF_ROW

}  // namespace kvdiff::device
