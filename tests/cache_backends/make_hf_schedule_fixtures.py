"""Drives transformers' QuantizedCache (HQQ backend, CPU) update by update and writes what attention was given.

    python make_hf_schedule_fixtures.py                      # rewrites fixtures/hf_schedule.json beside this script
    python make_hf_schedule_fixtures.py --live 3000 --solver on --seed 5 --out /tmp/live.json

Needs transformers==5.23.0, hqq==0.2.8.post1, torch==2.13.0, numpy; runs on one thread. With --solver off the
half-quadratic solver is switched off in the peer (optimize=False), so that every view must be bit-equal.
A case's `ops` are: n = append of n tokens, [..] = reorder_cache, "reset". `digests` has one number per append: see
digest(), over the keys and then the values that update() returned.
"""
import argparse
import base64
import json
import pathlib
import random

import hqq
import numpy
import torch
import transformers
from hqq.core.quantize import Quantizer
from transformers import LlamaConfig
from transformers.cache_utils import QuantizedCache

PINNED = {"torch": "2.13.0", "transformers": "5.23.0", "hqq": "0.2.8.post1"}
DTYPES = {"float16": torch.float16, "float32": torch.float32}


def digest(values):
    """Sum of bits[i] x splitmix64(i) over the float32 values, modulo 2^64."""
    bits = numpy.concatenate([v.float().contiguous().numpy().reshape(-1) for v in values]).view(numpy.uint32)
    with numpy.errstate(over="ignore"):
        z = (numpy.arange(bits.size, dtype=numpy.uint64) + 1) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
        return int((bits.astype(numpy.uint64) * z).sum(dtype=numpy.uint64))


def make_stream(generator, dtype, batch, heads, tokens, head_size):
    shape = (batch, heads, tokens, head_size)
    key, value = (generator.standard_normal(shape).astype(numpy.float32) for _ in range(2))
    key[..., 3] *= 12.0  # an outlier channel, as real keys have
    return {"dtype": dtype, "shape": shape, "key": torch.tensor(key).to(DTYPES[dtype]),
            "value": torch.tensor(value).to(DTYPES[dtype])}


def run_case(case, streams):
    stream = streams[case["stream"]]
    options = case["options"]
    config = LlamaConfig(num_hidden_layers=1, hidden_size=16, num_attention_heads=1)
    cache = QuantizedCache(backend="hqq", config=config, **options)
    case["digests"], case["raises"] = [], None
    first = update = 0
    for op in case["ops"]:
        if op == "reset":
            cache.reset()
            update = 0
            continue
        if isinstance(op, list):
            cache.layers[0].reorder_cache(torch.tensor(op))
            continue
        piece = slice(first, first + op)
        try:
            seen = cache.update(stream["key"][:, :, piece].clone(), stream["value"][:, :, piece].clone(), 0)
        except Exception as error:  # the peer's own limits: which update, which words
            case["raises"] = {"update": update, "message": str(error)}
            return
        case["digests"].append(f"{digest(seen):016x}")
        first += op
        update += 1


def spec_of(options, solver):
    side = (f"hqq:bits={options['nbits']},group={options['q_group_size']},solver={solver},"
            f"residual={options['residual_length']}")
    return f"k={side},axis={options['axis_key']}/v={side},axis={options['axis_value']}"


def draw_case(draw, solver, streams, prompt, residual):
    index = draw.randrange(len(streams))
    batch, _, tokens, _ = streams[index]["shape"]
    axis_key, axis_value = draw.choice([(0, 0), (0, 1), (1, 1), (1, 0)])
    options = {"nbits": draw.choice([4, 4, 8, 8, 2, 1, 3]), "axis_key": axis_key, "axis_value": axis_value,
               "q_group_size": draw.choice([8, 8, 16]), "residual_length": residual}
    ops = [prompt]
    while draw.random() < 0.2 and sum(ops) + 12 < tokens:
        ops.append(draw.randrange(1, 12))
    steps = min(tokens - sum(ops), 3 * max(residual, 2) + 3)
    reset_at = draw.randrange(steps) if draw.random() < 0.1 else -1
    for step in range(max(steps, 0)):
        if step == reset_at:
            ops += ["reset"]
        ops.append(1)
        if batch > 1 and draw.random() < 0.2:
            ops.append([draw.randrange(batch) for _ in range(batch)])
    return {"spec": spec_of(options, solver), "stream": index, "options": options, "ops": ops}


def encode(tensor):
    raw = tensor.numpy().tobytes()
    return base64.b64encode(raw).decode()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--live", type=int, default=0, help="draw this many cases instead of the fixture's")
    parser.add_argument("--solver", choices=["on", "off"], default="off")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent / "fixtures" / "hf_schedule.json")
    arguments = parser.parse_args()
    found = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__, "hqq": hqq.__version__}
    if found != PINNED:
        raise SystemExit(f"fixtures are made with {PINNED}; found {found}")
    torch.set_num_threads(1)
    if arguments.solver == "off":
        original = Quantizer.quantize.__func__
        Quantizer.quantize = classmethod(lambda cls, *a, **k: original(cls, *a, **{**k, "optimize": False}))

    generator = numpy.random.default_rng(arguments.seed)
    draw = random.Random(arguments.seed)
    tokens = 210 if arguments.live else 72
    streams = [make_stream(generator, "float32", 1, 3, tokens, 16), make_stream(generator, "float16", 1, 3, tokens, 16),
               make_stream(generator, "float16", 3, 1, tokens // 2 * 2, 16)]
    if arguments.live:
        # Prompts 1 to 80 and residuals 0 to 40, all of them once there are 3280 cases.
        grid = [(prompt, residual) for prompt in range(1, 81) for residual in range(41)]
        draw.shuffle(grid)
        pairs = [grid[i % len(grid)] for i in range(arguments.live)]
    else:
        pairs = [(draw.randrange(1, 30), residual) for residual in [0, 1, 2, 3, 4, 7, 16] for _ in range(16)]
    cases = [draw_case(draw, arguments.solver, streams, prompt, residual) for prompt, residual in pairs]
    for case in cases:
        run_case(case, streams)
        del case["options"]
    document = {
        "made_by": pathlib.Path(__file__).name, "seed": arguments.seed, "solver": arguments.solver, "packages": found,
        "streams": [{"dtype": s["dtype"], "shape": s["shape"], "key": encode(s["key"]), "value": encode(s["value"])}
                    for s in streams],
        "cases": cases,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(document[key]) for key in ("made_by", "seed", "solver", "packages", "streams")]
    head = ",\n".join(f'"{key}": {line}' for key, line in
                      zip(("made_by", "seed", "solver", "packages", "streams"), lines))
    body = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    arguments.out.write_text(f'{{{head},\n"cases": [\n{body}\n]}}\n')
    raising = sum(case["raises"] is not None for case in cases)
    print(f"{arguments.out}: {len(cases)} cases, {sum(len(c['digests']) for c in cases)} updates, {raising} raise, "
          f"{arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
