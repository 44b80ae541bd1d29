"""8-bit floats: torch's conversions; transformers 5.23's fp8 backend against `hf-fp8`; vLLM's formulas against `fp8`.

vLLM cannot run here: its formulas are told again in torch operations.
"""

import itertools

import torch
from transformers.cache_utils import Fp8QuantizedLayer

from codec_inputs import answers_of, count, drawn

TORCH, HF, VLLM = "torch 2.13.0", "transformers 5.23.0 fp8", "vLLM's formula in torch"
FORMATS = {"e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2}
LARGEST = {"e4m3": 448.0, "e5m2": 57344.0}


def codes_of(eighths):
    """Codes as integers; a NaN has no sign here, and one payload."""
    codes = eighths.view(torch.uint8).int()
    return torch.where(eighths.float().isnan(), torch.full_like(codes, 0x7F), codes)


def saturated(x, form):
    """To the largest finite code, infinity too, as vLLM's casts saturate; NaN stays."""
    return x.clamp(-LARGEST[form], LARGEST[form]).to(FORMATS[form])


def compare_conversions(parity):
    every = torch.arange(65536, dtype=torch.int32).to(torch.int16)
    words = parity.random("fp8 words").integers(0, 2**32, 2**23 if parity.full else 2**21, dtype="uint32").view("int32")
    inputs = {"every float16": every.view(torch.float16), "every bfloat16": every.clone().view(torch.bfloat16),
              "float32 words": torch.from_numpy(words).view(torch.float32)}
    inputs = {name: x.reshape(1, 1, -1, 128) for name, x in inputs.items()}
    cases = list(itertools.product(FORMATS, inputs))
    blocks = answers_of(parity, [{"spec": f"fp8:format={form},per=tensor", "input": name} for form, name in cases], inputs)
    for (form, name), ours in zip(cases, blocks):
        theirs = saturated(inputs[name].float(), form)
        count(parity, TORCH, f"{form}, {name}: codes", codes_of(theirs), ours["codes"])
        count(parity, TORCH, f"{form}, {name}: back", theirs.float().to(inputs[name].dtype), ours["dequantized"])


def compare_transformers(parity):
    """The first update freezes the scale; the second, ten times as large, saturates; the third is ordinary."""
    cases, jobs, tensors = list(drawn(parity, "hf-fp8", [None])), [], {}
    for i, (_, _, _, x) in enumerate(cases):
        tensors |= {f"{i}.0": x, f"{i}.1": x * 10, f"{i}.2": x.flip(2) / 3}
        jobs += [{"spec": "hf-fp8", "input": f"{i}.{turn}", "frozen": f"{i}.0"} for turn in range(3)]
    blocks = answers_of(parity, jobs, tensors)
    for i, (_, dtype, _, x) in enumerate(cases):
        layer = Fp8QuantizedLayer()
        for turn in range(3):
            seen, _ = layer.update(tensors[f"{i}.{turn}"], tensors[f"{i}.{turn}"])
        tokens = x.shape[2]
        for turn, ours in enumerate(blocks[3 * i: 3 * i + 3]):
            part = slice(turn * tokens, (turn + 1) * tokens)
            theirs = layer._quantized_keys[0].view(torch.uint8)[..., part, :].contiguous().view(torch.float8_e4m3fn)
            what = f"{dtype}: update {turn}: "
            count(parity, HF, what + "codes", codes_of(theirs), ours["codes"])
            count(parity, HF, what + "what attention reads in the last one", seen[..., part, :], ours["dequantized"])


def vllm(x, form, per, scale, side):
    """Codes and scales: int8_per_token_head's rule; calculate_kv_scales; a scale of 1."""
    values = x.float()
    if scale == "1":
        return saturated(values, form), torch.ones(())
    absmax = values.abs().amax(-1, keepdim=True) if per == "token-head" else values.abs().amax()
    if scale == "frozen":
        scales = absmax / (200.0 if side == "key" else 100.0)
        return saturated(values / scales, form), scales
    scales = (absmax / LARGEST[form]).clamp(min=1e-6)
    return saturated(values * (1.0 / scales), form), scales


def compare_vllm(parity):
    grid = [(form, per, scale, side) for form in FORMATS for side in ("key", "value")
            for per, scale in (("token-head", "dynamic"), ("tensor", "dynamic"), ("tensor", "1"), ("tensor", "frozen"))]
    cases = list(drawn(parity, "fp8", grid))
    jobs = [{"spec": f"fp8:format={form},per={per},scale={scale}" + (",schedule=hf" if scale == "dynamic" else ""),
             "input": f"x{i}", "side": side} for i, ((form, per, scale, side), _, _, _) in enumerate(cases)]
    blocks = answers_of(parity, jobs, {f"x{i}": case[3] for i, case in enumerate(cases)})
    for ((form, per, scale, side), dtype, kind, x), ours in zip(cases, blocks):
        codes, scales = vllm(x, form, per, scale, side)
        what = f"{form}, {per}, {scale}, {dtype}: "
        count(parity, VLLM, what + "codes", codes_of(codes), ours["codes"])
        count(parity, VLLM, what + "dequantized", (codes.float() * scales).to(x.dtype), ours["dequantized"])
        if scale == "dynamic":
            count(parity, VLLM, what + "scales", scales, ours["scale"])


def run(parity):
    torch.set_num_threads(1)
    compare_conversions(parity)
    compare_transformers(parity)
    compare_vllm(parity)
