#pragma once

// What a test may ask of the emulated GPU (fake_cuda_runtime.cpp).
namespace kvdiff::test {

// A planted fault: a stream no longer waits for what another one has recorded.
void forget_stream_waits(bool forget);

}  // namespace kvdiff::test
