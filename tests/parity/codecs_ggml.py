"""llama.cpp's block formats: gguf's reference quantizers (which it proves equal to ggml-quants.c) against q8_0 ... iq4_nl.

gguf does not quantize iq4_nl: its codes and scales are compared with ggml's algorithm told again in numpy, one operation at
a time, and its dequantized values with gguf's from our bytes.
"""

import numpy
import torch
from gguf import quants
from gguf.constants import GGMLQuantizationType as Type

from codec_inputs import answers_of, count, drawn, signless

PEER = "gguf 0.19.0"
TYPES = {"q8_0": Type.Q8_0, "q5_1": Type.Q5_1, "q5_0": Type.Q5_0, "q4_1": Type.Q4_1, "q4_0": Type.Q4_0, "iq4_nl": Type.IQ4_NL}
HEADERS = {"q4_1": 4, "q5_1": 4}  # bytes of d and m before the codes; 2 for the others
STEPS = numpy.array(quants.IQ4_NL.kvalues, dtype=numpy.float32)


def fits(shape, options):
    return shape[-1] % 32 == 0


def parts_of(blocks, name):
    """ggml's blocks, taken apart as ours are: d, m, the packed codes, and the codes one by one."""
    header = HEADERS.get(name, 2)
    ends = blocks[:, :header].copy().view(numpy.float16).astype(numpy.float32)
    packed = blocks[:, header:]
    if name == "q8_0":
        codes = packed.view(numpy.int8).astype(numpy.int32)
    else:
        nibbles = packed[:, -16:]
        codes = numpy.concatenate([nibbles & 15, nibbles >> 4], axis=1).astype(numpy.int32)
        if name.startswith("q5"):
            codes |= numpy.unpackbits(packed[:, :4], axis=1, bitorder="little").astype(numpy.int32) << 4
    return ends[:, 0], ends[:, 1] if header == 4 else ends[:0, 0], packed, codes


def iq4_nl(rows):
    """quantize_row_iq4_nl_impl with ntry = -1 and no importances: float32, one operation after the other."""
    out = numpy.zeros((len(rows), 18), dtype=numpy.uint8)
    for row, block in zip(rows, out):
        farthest = row[numpy.abs(row).argmax()]
        if abs(farthest) < numpy.float32(1e-15):
            continue
        inverse = numpy.float32(1) / (farthest / STEPS[0])
        products = squares = numpy.float32(0)
        codes = []
        for x in row:
            scaled = inverse * x
            upper = int(numpy.searchsorted(STEPS, scaled, side="right"))  # the first step above
            if 0 < upper < 16:
                upper -= int(scaled - STEPS[upper - 1] < STEPS[upper] - scaled)
            codes.append(min(upper, 15))
            weight, step = x * x, STEPS[codes[-1]]
            products, squares = products + weight * step * x, squares + weight * step * step
        codes = numpy.array(codes, dtype=numpy.uint8)
        block[:2] = numpy.array([products / squares]).astype(numpy.float16).view(numpy.uint8)
        block[2:] = codes[:16] | (codes[16:] << 4)
    return out


def peer_blocks(x, name):
    rows = x.float().reshape(-1, 32).numpy()
    with numpy.errstate(all="ignore"):
        return iq4_nl(rows) if name == "iq4_nl" else quants.quantize(rows, TYPES[name]).reshape(len(rows), -1)


def cases_of(parity):
    for case in drawn(parity, "ggml", TYPES, fits):
        name, dtype, kind, x = case
        if name == "iq4_nl" and kind in ("infinity", "NaN"):
            continue  # ggml compares with NaN there: no rule to hold
        if kind == "largest" and dtype == "float32":
            x = x * 1e4  # d beyond float16
        yield name, dtype, kind, x


def run(parity):
    cases = list(cases_of(parity))
    jobs = [{"spec": name, "input": f"x{i}"} for i, (name, _, _, _) in enumerate(cases)]
    blocks = answers_of(parity, jobs, {f"x{i}": case[3] for i, case in enumerate(cases)})
    for (name, dtype, kind, x), ours in zip(cases, blocks):
        theirs = peer_blocks(x, name)
        d, m, packed, codes = parts_of(theirs, name)
        with numpy.errstate(all="ignore"):
            values = torch.from_numpy(quants.dequantize(theirs, TYPES[name])).to(x.dtype)
        peer = PEER if name != "iq4_nl" else "ggml's algorithm in numpy"
        count(parity, peer, f"{name}, {dtype}: codes", torch.from_numpy(codes), ours["codes"])
        count(parity, peer, f"{name}, {dtype}: packed codes", torch.from_numpy(packed.copy()), ours["packed"])
        count(parity, peer, f"{name}, {dtype}: d", torch.from_numpy(d.copy()), ours["scale"])
        if len(m):
            count(parity, peer, f"{name}, {dtype}: m", signless(torch.from_numpy(m.copy())), signless(ours["zero"]),
                  note="but the sign of a zero")
        count(parity, PEER, f"{name}, {dtype}: dequantized", values, ours["dequantized"])
        row = parity.row(PEER, f"{name}: bytes of a block")
        row.compared += 1
        row.differing += ours["bytes"] != theirs.size
