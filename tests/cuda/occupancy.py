"""How many blocks of a kernel a multiprocessor holds at a time: the rules of NVIDIA's cuda_occupancy.h, for what we compile.

Limits: CUDA C++ Programming Guide, technical specifications per compute capability.
"""

import dataclasses

REGISTERS = 65536  # of a multiprocessor, all architectures below; a quarter belongs to each of its four parts
PARTS = 4
WARP = 32
PER_BLOCK = 48 * 1024  # bytes of shared memory that a launch gets without asking for more, which we never do
REGISTER_UNIT = 256  # registers are given to a warp in this many


@dataclasses.dataclass(frozen=True)
class Multiprocessor:
    warps: int
    blocks: int
    shared: int  # bytes that all blocks together may have
    reserved: int  # bytes that the system takes for each block
    unit: int  # bytes that shared memory is given in


LIMITS = {
    "sm_75": Multiprocessor(32, 16, 64 * 1024, 0, 256),
    "sm_80": Multiprocessor(64, 32, 164 * 1024, 1024, 128),
    "sm_86": Multiprocessor(48, 16, 100 * 1024, 1024, 128),
    "sm_89": Multiprocessor(48, 24, 100 * 1024, 1024, 128),
    "sm_90": Multiprocessor(64, 32, 228 * 1024, 1024, 128),
    "sm_100": Multiprocessor(64, 32, 228 * 1024, 1024, 128),
    "sm_120": Multiprocessor(48, 24, 100 * 1024, 1024, 128),
}


@dataclasses.dataclass(frozen=True)
class Occupancy:
    blocks: int
    fraction: float  # of the warps that the multiprocessor can hold
    shared_up_to: int  # bytes of shared memory a block may take before fewer blocks fit


def occupancy(architecture, registers, threads, shared):
    """`shared`: bytes per block that the compiler knows of. What a launch asks for besides is not among them: a launch with
    more than `shared_up_to` in all has a lower occupancy than the one that is told here."""
    limit = LIMITS[architecture]
    warps = -(-threads // WARP)
    registers_of_warp = -(-registers * WARP // REGISTER_UNIT) * REGISTER_UNIT
    warps_by_registers = REGISTERS // PARTS // registers_of_warp * PARTS
    taken = -(-(shared + limit.reserved) // limit.unit) * limit.unit
    blocks = min(limit.warps // warps, limit.blocks, warps_by_registers // warps, limit.shared // taken if taken else limit.blocks)
    most = min(limit.shared // blocks // limit.unit * limit.unit - limit.reserved, PER_BLOCK) if blocks else 0
    return Occupancy(blocks, blocks * warps / limit.warps, most)
