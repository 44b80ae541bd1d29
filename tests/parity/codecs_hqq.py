"""hqq's Quantizer as transformers 5.23 calls it on a CPU, against `hqq:`."""

import itertools

import torch
from hqq.core.quantize import Quantizer

from codec_inputs import KINDS, SHAPES, answers_of, ordinary
from common import DTYPES, count_different

PEER = "hqq 0.2.8.post1"


def peer(x, nbits, group, axis, solver, bitpack):
    W_q, meta = Quantizer.quantize(x, axis=axis, device=x.device, compute_dtype=x.dtype, nbits=nbits, group_size=group,
                                   optimize=solver == "on", bitpack=bitpack)
    meta["compute_dtype"] = x.dtype
    Quantizer.cuda(W_q, meta=meta, device=x.device)
    return W_q, meta


def packs(x, nbits, group, axis):
    rows = group if axis == 0 else x.numel() // group
    return nbits in (3, 8) or rows % (8 // nbits) == 0


def packed_bytes(case):
    packed = peer(case["x"], case["bits"], case["group"], case["axis"], case["solver"], True)[0].contiguous()
    if case["bits"] == 3:
        packed = packed & 0x3FFFFFFF  # the cast of a NaN sets bits that belong to no code
    return packed.view(torch.uint8)


def drawn_cases(parity):
    draw = parity.random("hqq")
    grid = list(itertools.product((1, 2, 3, 4, 8), (0, 1), (8, 16, 32, 64, 128), ("on", "off"), DTYPES))
    for turn in range(len(KINDS) if parity.full else 2):
        for nbits, axis, group, solver, dtype in grid:
            kind = list(KINDS)[draw.integers(len(KINDS))] if turn else "ordinary"
            fitting = [s for s in SHAPES if torch.Size(s).numel() % group == 0]
            shape = fitting[draw.integers(len(fitting))]
            x = torch.tensor(KINDS[kind](draw, shape)).to(DTYPES[dtype])
            yield {"x": x, "bits": nbits, "axis": axis, "group": group, "solver": solver, "dtype": dtype, "kind": kind}


def spec_of(case, more=""):
    return f"hqq:bits={case['bits']},group={case['group']},axis={case['axis']},solver={case['solver']}{more}"


def compare(parity, case, answer, variant, zeros_may_differ):
    x, solver = case["x"], case["solver"]
    W_q, meta = peer(x, case["bits"], case["group"], case["axis"], solver, False)
    name = f"{variant}, solver {solver}: "
    codes = torch.nan_to_num(W_q.float(), nan=0.0).to(torch.int32)  # as packed ones are: no -0; of NaN, by the peer's cast, 0
    dequantized = ((codes.to(x.dtype) - meta["zero"]) * meta["scale"]).reshape(x.shape)

    def count(what, theirs, ours, **options):
        row = parity.row(PEER, name + what, **options)
        row.compared += theirs.numel()
        row.differing += count_different(theirs, ours)

    count("codes", codes, answer["codes"])
    if packs(x, case["bits"], case["group"], case["axis"]):
        count("packed bytes", packed_bytes(case), answer["packed"])
    count("scales", meta["scale"], answer["scale"])
    if not zeros_may_differ:
        count("zeros", meta["zero"], answer["zero"])
        count("dequantized", dequantized, answer["dequantized"])
        return
    count("zeros", meta["zero"], answer["zero"], allowed=0.02)
    note_largest(parity.row(PEER, name + "zeros"), meta["zero"], answer["zero"])


def note_largest(row, theirs, ours):
    """A zero is in units of a code, so a difference of 1 would be a whole step."""
    distance = (theirs.float().reshape(-1) - ours).abs().nan_to_num(0.0, 0.0, 0.0)
    row.largest = max(getattr(row, "largest", 0.0), float(distance.max()))
    row.note = f"at most 2 % may differ; {row.differing / row.compared:.2%} do, by at most {row.largest:.1e} of a step"


def run_variant(parity, cases, variant, threads=1):
    more = "" if variant == "portable" else ",arithmetic=torch"
    jobs = [{"spec": spec_of(case, more), "input": f"x{i}"} for i, case in enumerate(cases)]
    answers = answers_of(parity, jobs, {f"x{i}": case["x"] for i, case in enumerate(cases)}, threads=threads)
    torch.set_num_threads(threads)
    for case, answer in zip(cases, answers, strict=True):
        compare(parity, case, answer, variant if threads == 1 else f"{variant}, {threads} threads",
                variant == "portable" and case["solver"] == "on")
    torch.set_num_threads(1)


def large_cases(parity):
    """Above 32,768 elements torch shares a sum between its threads."""
    draw = parity.random("hqq, threads")
    for nbits, axis in itertools.product((1, 2, 3, 4, 8), (0, 1)):
        x = torch.tensor(ordinary(draw, (1, 3, 512, 64))).float()
        yield {"x": x, "bits": nbits, "axis": axis, "group": 64, "solver": "on", "dtype": "float32", "kind": "ordinary"}


def run(parity):
    torch.set_num_threads(1)
    cases, large = list(drawn_cases(parity)), list(large_cases(parity))
    run_variant(parity, cases + large, "portable")
    run_variant(parity, cases + large, "torch")
    run_variant(parity, large, "torch", threads=2)
