#pragma once
#include "cache_backends/device/array.h"
#include "cache_backends/device/kernels/all.cuh"

// Starting kernels by their type, for code of the host:
//   launch<AddRounded>(device, {span(total), span(added), dtype});
namespace kvdiff::device {

template <class Kernel>
constexpr KernelId id_of();
#define KVDIFF_ROW(Kernel)                   \
  template <>                                \
  constexpr KernelId id_of<Kernel>() {       \
    return KernelId::Kernel;                 \
  }
KVDIFF_KERNELS(KVDIFF_ROW)
#undef KVDIFF_ROW

// Nothing is started where there is nothing to do.
template <class Kernel>
void launch(Device& device, const typename Kernel::Arguments& arguments) {
  const Geometry geometry = Kernel::geometry(arguments);
  if (geometry.blocks() > 0) device.launch(id_of<Kernel>(), geometry, &arguments);
}

template <class T>
Span<T> span(const Array<T>& array) {
  return {array.data(), array.size()};
}
template <class T>
Span<const T> constant(const Array<T>& array) {
  return {array.data(), array.size()};
}
template <class T>
Span<T> span(std::span<T> values) {
  return {values.data(), static_cast<int64_t>(values.size())};
}

}  // namespace kvdiff::device
