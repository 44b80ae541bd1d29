#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "harness/model/files/safetensors.h"

namespace kvdiff {

// Elements of a tensor as float32, exactly (as from_float16_bits and from_bfloat16_bits have it; F32 bit for bit).
// UserError(input) for a type that kvdiff does not read, InternalError for elements that are not there.
void read_elements(const TensorEntry& tensor, int64_t first, std::span<float> out);
void read_row(const TensorEntry& matrix, int64_t row, std::span<float> out);  // [rows, columns]; out.size() = columns
std::vector<float> read_all(const TensorEntry& tensor);

}  // namespace kvdiff
