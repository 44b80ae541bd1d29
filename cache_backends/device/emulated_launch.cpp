#include "cache_backends/device/kernels/all.cuh"
#include "cache_backends/device/launch_table.h"

namespace kvdiff::device {
namespace {

template <class Kernel>
void emulate(Emulator& emulator, const Geometry& geometry, const void* arguments) {
  const auto& own = *static_cast<const typename Kernel::Arguments*>(arguments);
  emulator.run(Kernel::name, geometry, Kernel::cooperates, [&](Thread& thread) { Kernel::run(own, thread); });
}

#define KVDIFF_ROW(Kernel) {Kernel::name, #Kernel, emulate<Kernel>},
constexpr EmulatedLaunch rows[] = {KVDIFF_KERNELS(KVDIFF_ROW)};
#undef KVDIFF_ROW

}  // namespace

const EmulatedLaunch& emulated_launch(KernelId id) { return rows[static_cast<size_t>(id)]; }

}  // namespace kvdiff::device
