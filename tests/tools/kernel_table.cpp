// Every row of cache_backends/device/kernels/list.h, for tests/cuda/resources.py: row, name, threads of a block, and the
// type as the compiler's symbols spell it, one line each, parted by tabs.
#include <cxxabi.h>
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <typeinfo>

#include "cache_backends/device/kernels/all.cuh"

namespace {

template <class Kernel>
void print(const char* row) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> type(abi::__cxa_demangle(typeid(Kernel).name(), nullptr, nullptr, &status), std::free);
  fmt::print("{}\t{}\t{}\t{}\n", row, Kernel::name, Kernel::width, type ? type.get() : typeid(Kernel).name());
}

}  // namespace

int main() {
  using namespace kvdiff::device;
#define KVDIFF_ROW(Kernel) print<Kernel>(#Kernel);
  KVDIFF_KERNELS(KVDIFF_ROW)
#undef KVDIFF_ROW
}
