"""optimum-quanto's MaxOptimizer, quantize_weight and dequantize as transformers 5.23 calls them, against `quanto:`."""

import itertools

import torch
from optimum.quanto import MaxOptimizer, qint2, qint4, quantize_weight

from codec_inputs import SIGNLESS, answers_of, count, drawn, signless

PEER = "optimum-quanto 0.2.7"
QTYPES = {2: qint2, 4: qint4}


def peer(x, bits, axis, group):
    """transformers 5.23, QuantoQuantizedLayer._quantize."""
    scale, shift = MaxOptimizer()(x, QTYPES[bits], axis, group)
    return quantize_weight(x, QTYPES[bits], axis, scale, shift, group)


def in_memory_order(codes, axis, group, shape):
    """The grouped matrix of codes as the tensor lies: what quanto's ungroup does to values."""
    if axis == 0:
        return codes.reshape(shape)
    return codes.reshape(group, shape[-1], -1).permute(2, 0, 1).reshape(shape)


def fits(shape, options):
    _, axis, group = options
    along = torch.Size(shape).numel() // (shape[0] if axis == 0 else shape[-1])
    return along % group == 0


def compare_values(parity):
    groups = ((0, 16), (0, 32), (0, 64), (0, 128), (-1, 3), (-1, 5), (-1, 9), (-1, 16), (-1, 32), (-1, 64))
    grid = [(bits, axis, group) for bits, (axis, group) in itertools.product((2, 4), groups)]
    cases = list(drawn(parity, "quanto", grid, fits))
    cases += [((bits, 0, 64), "float16", "one group", torch.randn(1, 1, 1, 64).half()) for bits in (2, 4)]
    jobs = [{"spec": f"quanto:bits={bits},axis={axis},group={group}" + (",schedule=hf" if axis else ""), "input": f"x{i}"}
            for i, ((bits, axis, group), _, _, _) in enumerate(cases)]
    blocks = answers_of(parity, jobs, {f"x{i}": case[3] for i, case in enumerate(cases)})
    for ((bits, axis, group), dtype, _, x), block in zip(cases, blocks):
        theirs = peer(x, bits, axis, group)
        name = f"bits {bits}, axis {axis}, {dtype}: "
        count(parity, PEER, name + "codes", in_memory_order(theirs._data.unpack(), axis, group, x.shape), block["codes"])
        count(parity, PEER, name + "packed bytes", theirs._data._data.contiguous(), block["packed"])
        count(parity, PEER, name + "scales", theirs._scale, block["scale"])
        count(parity, PEER, name + "shifts", signless(theirs._shift), signless(block["zero"]), note=SIGNLESS)
        count(parity, PEER, name + "dequantized", theirs.dequantize(), block["dequantized"])


def run(parity):
    torch.set_num_threads(1)
    compare_values(parity)
