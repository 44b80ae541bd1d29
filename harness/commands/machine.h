#pragma once
#include <cstdint>
#include <string>

namespace kvdiff {

// Bytes that a new allocation may take without swapping: the kernel's estimate, and what a container's limit leaves.
// -1: not known.
int64_t available_memory();
int64_t total_memory();

int hardware_threads();  // that this process may use

std::string bytes_text(int64_t bytes);  // "1.5 GiB", "812 MiB"

}  // namespace kvdiff
