"""Drawn caches: prompt lengths, pieces, residuals, reorder and reset, over random and real K and V."""

import torch

import recorded_kv
from common import DTYPES
from peer_cache import one_thread
from schedules_compare import run_cases

RESIDUALS = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 50, 64, 100, 127, 128, 129, 150, 200]
SHAPES = [(1, 3, 16), (1, 2, 32), (1, 1, 80), (1, 3, 64), (3, 1, 16), (3, 2, 16)]  # B, H, D
AXES = [(0, 0), (0, 1), (1, 0), (1, 1)]
LONGEST = 1100  # tokens of a case


def drawn_tensor(draw, shape, dtype):
    x = draw.standard_normal(shape)
    x[..., 3] *= 12
    outliers = draw.integers(0, x.size, 1 + x.size // 4000)
    x.reshape(-1)[outliers] *= 40
    return torch.tensor(x).to(DTYPES[dtype])


def pick(draw, choices):
    return choices[int(draw.integers(len(choices)))]


def drawn_ops(draw, residual, batch):
    """n: append n tokens; [rows]: reorder; "reset". A prompt, some of them in pieces, and steps for five flushes or more."""
    ops = [int(draw.integers(1, 301))]
    if draw.random() < 0.4:
        ops += [int(n) for n in draw.integers(1, 2 * max(residual, 8), draw.integers(1, 5))]
    flushes, residue = 0, 0
    reset_at = int(draw.integers(1, 60)) if draw.random() < 0.15 else -1
    while flushes < 7 and sum(op for op in ops if isinstance(op, int)) < LONGEST:
        long = residual > 40 and draw.random() < 0.5
        ops.append(int(draw.integers(1, residual // 2)) if long else 1)
        residue += ops[-1]
        flushes, residue = (flushes + 1, 0) if residue >= residual else (flushes, residue)
        if batch > 1 and draw.random() < 0.15:
            ops.append([int(row) for row in draw.integers(0, batch, batch)])
        if len(ops) == reset_at:
            ops += ["reset", int(draw.integers(1, 80))]
            residue = 0
    return ops


def tokens_of(ops):
    return sum(op for op in ops if isinstance(op, int))


def hqq_options(draw, batch, heads, size):
    group = pick(draw, [g for g in (8, 16, 32, 64) if batch * heads * size % g == 0])
    options = {"nbits": pick(draw, [1, 2, 3, 4, 4, 8]), "q_group_size": group}
    rows = batch * heads * size // group  # per token, where groups are rows
    fits = options["nbits"] != 3 and (rows * options["nbits"] % 8 == 0 or draw.random() < 0.2)
    options["axis_key"], options["axis_value"] = pick(draw, AXES) if fits else (0, 0)
    return options


def quanto_options(draw, batch, heads, size):
    """Axis -1 groups B * H * S rows: mostly a group that divides B * H, so that it divides at any length."""
    axes = pick(draw, [(0, 0), (0, -1), (-1, 0), (-1, -1)])
    legal = [g for g in (2, 3, 6, 8, 16, 32) if (axes == (-1, -1) or heads * size % g == 0)
             and (axes == (0, 0) or batch * heads % g == 0 or draw.random() < 0.1)]
    if not legal:
        axes, legal = (0, 0), [g for g in (8, 16) if heads * size % g == 0]
    return {"nbits": pick(draw, [2, 4]), "q_group_size": pick(draw, legal), "axis_key": axes[0], "axis_value": axes[1]}


def drawn_case(parity, draw, backend):
    batch, heads, size = pick(draw, SHAPES)
    dtype, residual = pick(draw, list(DTYPES)), pick(draw, RESIDUALS)
    if draw.random() < 0.3:
        residual = int(draw.integers(0, 201))
    make = {"hqq": hqq_options, "quanto": quanto_options, "fp8": lambda *_: {}}[backend]
    options = make(draw, batch, heads, size)
    if backend != "fp8":
        options["residual_length"] = residual
    ops = drawn_ops(draw, residual if backend != "fp8" else pick(draw, [2, 20]), batch)
    full = (batch, heads, tokens_of(ops), size)
    return {"kv": [drawn_tensor(draw, full, dtype) for _ in range(2)], "options": options, "ops": ops, "data": "drawn"}


def real_case(parity, draw, backend):
    residual, bits = pick(draw, RESIDUALS), pick(draw, [2, 4, 8] if backend == "hqq" else [2, 4])
    ops = drawn_ops(draw, residual, 1)
    while tokens_of(ops) > LONGEST // 2 and len(ops) > 2:
        ops.pop()
    layers = recorded_kv.of_text(LONGEST // 2)
    key, value = layers[pick(draw, [0, 1, 14, len(layers) - 1])]
    dtype, count = pick(draw, list(DTYPES)), min(tokens_of(ops), LONGEST // 2)
    ops = ops if tokens_of(ops) <= count else [count]
    axis_key, axis_value = pick(draw, AXES) if backend == "hqq" else (0, 0)
    options = {"nbits": bits, "q_group_size": 16, "residual_length": residual, "axis_key": axis_key, "axis_value": axis_value}
    if backend == "fp8":
        options = {}
    return {"kv": [t[:, :, :count].to(DTYPES[dtype]) for t in (key, value)], "options": options, "ops": ops, "data": "SmolLM2"}


# name, backend, does hqq solve, keys of the spec, cases drawn and of SmolLM2
VARIANTS = [("hqq, solver off", "hqq", "off", ",solver=off", 80, 16),
            ("hqq, solver on, portable", "hqq", "on", ",solver=on", 20, 6),
            ("hqq, solver on, torch", "hqq", "on", ",solver=on,arithmetic=torch", 20, 6),
            ("quanto", "quanto", "", "", 40, 8), ("fp8", "fp8", "", "", 20, 4)]


def cases(parity):
    for variant, backend, solver, keys, drawn, real in VARIANTS:
        draw = parity.random(f"schedules {variant}")
        for make, count in ((drawn_case, drawn), (real_case, real)):
            for _ in range(count * (10 if parity.full else 1)):
                yield {**make(parity, draw, backend), "variant": variant, "backend": backend, "solver": solver, "keys": keys}


def run(parity):
    with one_thread():
        run_cases(parity, cases(parity))
