"""What the codec comparisons draw, and how they ask and count."""

import torch

from common import DTYPES, count_different

SHAPES = [(1, 3, 37, 64), (1, 2, 16, 80), (2, 3, 5, 96), (1, 1, 21, 128), (1, 5, 3, 256), (3, 1, 9, 64), (1, 3, 128, 64)]


def ordinary(draw, shape):
    x = draw.standard_normal(shape)
    outliers = draw.permutation(shape[-1])[: shape[-1] // 16]
    x[..., outliers] = x[..., outliers] * 8 + draw.standard_normal(len(outliers)) * 24
    return x


def constant(draw, shape):
    x = draw.standard_normal(shape)
    x[:, 0] = 1.25
    x[..., : shape[-1] // 2] = -0.5
    return x


def edited(values):
    def make(draw, shape):
        x = draw.standard_normal(shape)
        x.reshape(-1)[draw.integers(0, x.size, len(values))] = values
        return x
    return make


def zeros(draw, shape):
    x = abs(draw.standard_normal(shape))
    x.reshape(-1)[draw.integers(0, x.size, x.size // 2)] = 0.0
    return x


ORDINARY = {
    "normal": lambda draw, shape: draw.standard_normal(shape), "ordinary": ordinary,
    "tiny range": lambda draw, shape: 1 + 2e-5 * draw.uniform(-1, 1, shape),
    "tiny values": lambda draw, shape: 3e-7 * draw.standard_normal(shape),
    "narrow and far": lambda draw, shape: 300 + 0.25 * draw.uniform(-1, 1, shape),
    "far and wide": lambda draw, shape: 30000 * draw.uniform(-1, 1, shape), "lone outlier": edited([200.0]),
    "ties": lambda draw, shape: (draw.standard_normal(shape) * 4).round() / 4 + 0.0,
}
PATHOLOGICAL = {
    "constant": constant, "zeros": zeros, "largest": edited([65504.0, -65504.0]),
    "infinity": edited([float("inf"), float("-inf")]), "NaN": edited([float("nan")]),
}
KINDS = ORDINARY | PATHOLOGICAL


def drawn(parity, name, grid, fits=lambda shape, options: True, kinds=KINDS):
    """One case per option of the grid, dtype and kind (--full: and shape): options, dtype's name, kind, tensor."""
    draw = parity.random(name)
    for options in grid:
        shapes = [shape for shape in SHAPES if fits(shape, options)]
        for dtype in DTYPES:
            for kind in kinds:
                for shape in shapes if parity.full else [shapes[draw.integers(len(shapes))]]:
                    yield options, dtype, kind, torch.tensor(kinds[kind](draw, shape)).to(DTYPES[dtype])


def answers_of(parity, jobs, tensors, **options):
    """kvdiff's blocks, one dict per job; jobs are {"spec", "side", "input"}."""
    jobs = [job | {"id": str(i)} for i, job in enumerate(jobs)]
    results, answers = parity.ask("codec", jobs, tensors, wrong=parity.wrong, **options)
    blocks = []
    for i, (job, result) in enumerate(zip(jobs, results)):
        if "error" in result:
            raise RuntimeError(f"{job['spec']} over {tuple(tensors[job['input']].shape)}: {result['error']}")
        parts = {part: answers[f"{i}.{part}"] for part in ("codes", "packed", "scale", "zero", "dequantized")}
        blocks.append(parts | {"bytes": result["bytes"]})
    return blocks


SIGNLESS = "but the sign of a zero, which torch takes from one SIMD lane or another; it decodes to the same"


def signless(tensor):
    return torch.where(tensor == 0, torch.zeros_like(tensor), tensor)


def count(parity, peer, what, theirs, ours, **options):
    row = parity.row(peer, what, **options)
    row.compared += max(theirs.numel(), ours.numel())
    row.differing += count_different(theirs, ours)
