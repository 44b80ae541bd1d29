"""KIVI's quantizer (quant/new_pack.py at 876b4d2, triton_quantize_and_pack_along_last_dim) against `kivi:`.

KIVI is no package and needs a GPU, so it is told again in torch's operations, in its order: this proves the formula, the
groups and the packing as read, not KIVI as it runs.
"""

import itertools

import torch

from codec_inputs import SIGNLESS, answers_of, count, drawn, signless

PEER = "KIVI's new_pack.py in torch"


def replica(data, group, bits):
    """data [B, H, rows, length]: groups and packing along the last dimension. Codes, packed, scale, minimum, dequantized."""
    grouped = data.reshape(*data.shape[:-1], -1, group)
    smallest, largest = grouped.amin(-1), grouped.amax(-1)
    scale = (largest - smallest) / (2**bits - 1)
    codes = grouped - smallest.unsqueeze(-1)
    codes.div_(scale.unsqueeze(-1))
    codes = codes.clamp_(0, 2**bits - 1).round_().nan_to_num_(nan=0.0).to(torch.int32)  # CUDA casts NaN to 0
    values = codes.to(data.dtype) * scale.unsqueeze(-1) + smallest.unsqueeze(-1)
    codes = codes.reshape(data.shape)
    words = codes.reshape(*data.shape[:-1], -1, 32 // bits) << (bits * torch.arange(32 // bits, dtype=torch.int32))
    return codes, words.sum(-1).to(torch.int32), scale, smallest, values.reshape(data.shape)


def fits(shape, options):
    bits, group, side = options
    length = shape[2] if side == "key" else shape[3]
    return length % group == 0 and length % (32 // bits) == 0


def run(parity):
    torch.set_num_threads(1)
    sizes = {"key": (16, 32, 64, 128), "value": (16, 32, 64)}
    grid = [(bits, group, side) for bits, side in itertools.product((2, 4), sizes) for group in sizes[side]]
    cases = list(drawn(parity, "kivi", grid, fits))
    jobs = [{"spec": f"kivi:bits={bits},group={group}", "input": f"x{i}", "side": side}
            for i, ((bits, group, side), _, _, _) in enumerate(cases)]
    blocks = answers_of(parity, jobs, {f"x{i}": case[3] for i, case in enumerate(cases)})
    for ((bits, group, side), dtype, _, x), ours in zip(cases, blocks):
        turned = (lambda t: t.transpose(2, 3)) if side == "key" else (lambda t: t)
        codes, packed, scale, smallest, values = replica(turned(x).contiguous(), group, bits)
        what = f"bits {bits}, {side}s, {dtype}: "
        count(parity, PEER, what + "codes", turned(codes).contiguous(), ours["codes"])
        count(parity, PEER, what + "packed words", packed.contiguous().view(torch.uint8), ours["packed"])
        count(parity, PEER, what + "scales", scale, ours["scale"])
        count(parity, PEER, what + "minima", signless(smallest), signless(ours["zero"]), note=SIGNLESS)
        count(parity, PEER, what + "dequantized", turned(values).contiguous(), ours["dequantized"])
