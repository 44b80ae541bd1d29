"""The integer formulas of vLLM, TensorRT-LLM and LMDeploy against `int8:` and `int4:`.

None of the engines runs without a GPU: their formulas are told again in torch's operations.
"""

import itertools

import torch

from codec_inputs import SIGNLESS, answers_of, count, drawn, signless

PEERS = {"symmetric": "vLLM, TensorRT-LLM: formula", "zero": "LMDeploy TurboMind: formula",
         "lmdeploy": "LMDeploy PyTorch: formula"}
DIMENSIONS = {"token-head": (3,), "token": (1, 3), "channel": (2,), "tensor": (0, 1, 2, 3)}


def away(x):
    whole = x.trunc()
    return whole + ((x - whole).abs() >= 0.5) * x.sign()


ROUND = {"even": torch.round, "away": away, "truncate": torch.trunc}


def as_codes(x):
    return x.nan_to_num(nan=0.0).to(torch.int32)


def symmetric(x, bits, per, rounding):
    values, largest = x.float(), 2 ** (bits - 1) - 1
    scale = (values.abs().amax(DIMENSIONS[per], keepdim=True) / largest).clamp(min=1e-6)
    codes = as_codes(ROUND[rounding]((values * (1.0 / scale)).clamp(-128 if bits == 8 else -7, largest)))
    return codes, scale, None, (codes * scale).to(x.dtype)


def with_zero(x, bits, per, rounding):
    values, largest = x.float(), 2**bits - 1
    smallest = values.amin(DIMENSIONS[per], keepdim=True)
    scale = (values.amax(DIMENSIONS[per], keepdim=True) - smallest) / largest
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    codes = as_codes(ROUND[rounding](((values - smallest) / scale).clamp(0, largest)))
    return codes, scale, smallest, (codes * scale + smallest).to(x.dtype)


def lmdeploy(x, bits, per, rounding):
    """_quant_int8 in the model's type, _quant_int4 in float32; both stored and dequantized in the model's type."""
    values, largest = x if bits == 8 else x.float(), 2**bits - 1
    smallest, greatest = values.amin(-1, keepdim=True), values.amax(-1, keepdim=True)
    scale = (greatest - smallest) / largest
    zero = -smallest / scale
    codes = as_codes((values / scale + zero + 0.5).clamp(0, largest).trunc())
    scale, zero = scale.to(x.dtype), zero.to(x.dtype)
    return codes, scale, zero, codes.to(x.dtype) * scale - zero * scale


FORMULAS = {"symmetric": symmetric, "zero": with_zero, "lmdeploy": lmdeploy}


def run(parity):
    torch.set_num_threads(1)
    grid = [(bits, scheme, per, rounding) for bits, scheme, per, rounding
            in itertools.product((8, 4), ("symmetric", "zero"), DIMENSIONS, ROUND)]
    grid += [(bits, "lmdeploy", "token-head", "even") for bits in (8, 4)]
    cases = list(drawn(parity, "integer", grid))
    jobs = [{"spec": f"int{bits}:scheme={scheme},per={per},round={rounding},schedule=hf", "input": f"x{i}"}
            for i, ((bits, scheme, per, rounding), _, _, _) in enumerate(cases)]
    blocks = answers_of(parity, jobs, {f"x{i}": case[3] for i, case in enumerate(cases)})
    for ((bits, scheme, per, rounding), dtype, _, x), ours in zip(cases, blocks):
        codes, scale, zero, values = FORMULAS[scheme](x, bits, per, rounding)
        what = f"int{bits}, {scheme}, {dtype}: "
        count(parity, PEERS[scheme], what + "codes", codes, ours["codes"])
        count(parity, PEERS[scheme], what + "scales", scale, ours["scale"])
        if zero is not None:
            count(parity, PEERS[scheme], what + "zeros", signless(zero), signless(ours["zero"]), note=SIGNLESS)
        count(parity, PEERS[scheme], what + "dequantized", values, ours["dequantized"])
