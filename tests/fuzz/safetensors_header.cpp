// Any bytes as a safetensors file: either they are read, or a UserError says why not.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "cache_backends/error.h"
#include "harness/model/files/safetensors.h"
#include "harness/model/files/tensor_values.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kvdiff;
  try {
    const SafetensorsContent content = parse_safetensors(std::as_bytes(std::span(data, size)), "fuzz");
    size_t bytes = 0;
    for (const TensorEntry& tensor : content.tensors) {
      if (tensor.type != StoredType::other) read_all(tensor);
      bytes += tensor.bytes.size();
    }
    if (bytes > size) std::abort();
  } catch (const UserError& error) {
    if (error.code() != ExitCode::input) std::abort();
  }
  return 0;
}
