"""Drives the quantized cache of transformers 5.15.0 or 4.54.1 (whichever is installed) update by update, as
make_hf_schedule_fixtures.py does with 5.23, and writes fixtures/hf_schedule_VERSION.json beside this script.

    PYTHONPATH=FOLDER python make_old_schedule_fixtures.py     # FOLDER: pip install --target FOLDER transformers==5.15.0

Needs hqq==0.2.8.post1, torch==2.13.0, numpy. The solver is off, so that every view must be bit-equal. Neither version
can reorder or reset such a cache, so cases only append.
"""
import json
import pathlib
import random

import hqq
import numpy
import torch
import transformers
from hqq.core.quantize import Quantizer
from transformers import LlamaConfig

from make_hf_schedule_fixtures import digest, encode, make_stream, spec_of

SCHEDULES = {"5.15.0": "hf-5.15", "4.54.1": "hf-4.54"}
PINNED = {"torch": "2.13.0", "hqq": "0.2.8.post1"}


def make_cache(options):
    from transformers import cache_utils

    if transformers.__version__ == "4.54.1":  # a processor behind a DynamicCache, whose compute_dtype is given
        return cache_utils.HQQQuantizedCache(compute_dtype=torch.float32, **options)
    config = LlamaConfig(num_hidden_layers=1, hidden_size=16, num_attention_heads=1)
    return cache_utils.QuantizedCache(backend="hqq", config=config, **options)


def run_case(options, ops, stream):
    cache, first, digests = make_cache(options), 0, []
    for op in ops:
        piece = slice(first, first + op)
        seen = cache.update(stream["key"][:, :, piece].clone(), stream["value"][:, :, piece].clone(), 0)
        digests.append(f"{digest(seen):016x}")
        first += op
    return digests


def draw_cases(draw, tokens):
    """Single steps behind a prompt, and prompts in pieces of which some are larger than the residual."""
    for residual in (0, 1, 2, 3, 4, 5, 8):
        for pieces in ([1], [5], [3, 2], [2, residual + 3], [4, 1, residual + 2, 2]):
            options = {"nbits": draw.choice([2, 4, 8]), "axis_key": 0, "axis_value": draw.choice([0, 1]), "q_group_size": 8,
                       "residual_length": residual}
            yield options, pieces + [1] * min(3 * max(residual, 2) + 3, tokens - sum(pieces))


def main():
    version = transformers.__version__
    found = {"torch": torch.__version__.split("+")[0], "hqq": hqq.__version__}
    if found != PINNED or version not in SCHEDULES:
        raise SystemExit(f"expected transformers {' or '.join(SCHEDULES)} and {PINNED}; found {version} and {found}")
    torch.set_num_threads(1)
    original = Quantizer.quantize.__func__
    Quantizer.quantize = classmethod(lambda cls, *a, **k: original(cls, *a, **{**k, "optimize": False}))

    stream = make_stream(numpy.random.default_rng(20261123), "float32", 1, 2, 56, 16)
    cases = []
    for options, ops in draw_cases(random.Random(20261123), 56):
        cases.append({"spec": spec_of(options, "off") + f",schedule={SCHEDULES[version]}", "stream": 0, "ops": ops,
                      "digests": run_case(options, ops, stream), "raises": None})
    document = {"made_by": pathlib.Path(__file__).name, "packages": {"transformers": version, **found},
                "streams": [{"dtype": "float32", "shape": stream["shape"], "key": encode(stream["key"]),
                             "value": encode(stream["value"])}]}
    out = pathlib.Path(__file__).parent / "fixtures" / f"hf_schedule_{version}.json"
    body = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    out.write_text(json.dumps(document)[:-1] + ',\n"cases": [\n' + body + "\n]}\n")
    print(f"{out}: {len(cases)} cases, {sum(len(case['digests']) for case in cases)} updates, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
