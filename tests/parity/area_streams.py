"""Free greedy streams of SmolLM2 in float32: kvdiff, transformers with SDPA, transformers with its eager path.

Under a coarse cache a last bit grows until two tokens change places, in the peer against itself too. So:
- A full-precision stream equals SDPA's but for a near-tie: where they part, SDPA's margin (its token's logit over the one
  that kvdiff chose) is at most 2 (1 + M) e, with e the largest error of its logits there against float64. Its two
  logits err by at most e each, kvdiff's by at most M e each (area_model.py derives M = 4 and tests it).
- A quantized stream parts from SDPA's no more often, and no earlier, than the peer's own eager path parts from it. Both
  are sign tests over the pairs of one run: of the streams where just one of the two parted (parted first; equal ones are
  left out) kvdiff's share is red where a fair coin would show so many with a probability below 2 %. So six streams
  are red where it is kvdiff's in all six; --full has 90 streams and sees a small difference.
No stream stops at the end-of-sequence token. The table says where kvdiff and the eager path part from SDPA, with SDPA's
margin there in brackets, and where kvdiff's lane parts from its own reference in full precision.
"""

import dataclasses
import itertools
import json
import math
import os
import pathlib
import statistics
import subprocess
import tempfile

import torch
from transformers import AutoTokenizer, DynamicCache, QuantizedCache, logging

from area_model import MULTIPLE, opticks
from common import smollm2
from peer_llama import in_float64, load

PEER = "transformers 5.23.0"
LEVEL = 0.02
SURVIVAL = (8, 16, 32, 64, 128, 192)


def hqq(bits, axis, group, residual, axis_value=None):
    """(kvdiff's spec, the peer's settings). Only what the peer can hold at any length: definitions in hqq_verdict.cpp."""
    axis_value = axis if axis_value is None else axis_value
    side = f"hqq:bits={bits},group={group},residual={residual},axis="
    spec = f"{side}{axis}" if axis == axis_value else f"k={side}{axis}/v={side}{axis_value}"
    return spec, ("hqq", {"nbits": bits, "axis_key": axis, "axis_value": axis_value, "q_group_size": group, "residual_length": residual})


def quanto(bits, group, residual):
    settings = {"nbits": bits, "axis_key": 0, "axis_value": 0, "q_group_size": group, "residual_length": residual}
    return f"quanto:bits={bits},group={group},residual={residual}", ("quanto", settings)


CONFIGS = dict([
    hqq(8, 0, 64, 128), hqq(8, 1, 64, 32), hqq(4, 0, 64, 128), hqq(4, 0, 64, 32), hqq(4, 1, 32, 128), hqq(4, 0, 32, 32),
    hqq(4, 0, 32, 128, axis_value=1), hqq(3, 0, 64, 128), hqq(3, 0, 32, 32), hqq(2, 0, 64, 128), hqq(2, 1, 16, 32),
    hqq(2, 0, 32, 128), hqq(1, 0, 64, 128), quanto(4, 64, 128), quanto(2, 32, 32),
])


def prompts(parity):
    """Name: token ids. The first four are short."""
    tokenizer = AutoTokenizer.from_pretrained(smollm2())

    def chat(text):
        return tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True, return_dict=True)["input_ids"]

    code = (pathlib.Path(__file__).parent / "common.py").read_text()
    return {
        "question": chat("Explain how a refrigerator works."),
        "20 tokens of prose": opticks(parity, 20),
        "other languages": chat("Übersetze ins Deutsche, Français et 日本語: 'The cat sat on the mat.' 🐱 Почему?"),
        "code": tokenizer(code)["input_ids"][:150],
        "500 tokens of prose": opticks(parity, 500),
        "2,000 tokens of prose": opticks(parity, 2000),
    }


@torch.no_grad()
def peer_stream(model, tokens, settings, count):
    """The tokens, and the logits that chose each: [count, vocabulary]."""
    cache = DynamicCache() if settings is None else QuantizedCache(settings[0], model.config, **settings[1])
    fed, chosen, logits = list(tokens), [], []
    while True:
        logits.append(model(torch.tensor([fed]), past_key_values=cache, logits_to_keep=1).logits[0, -1].clone())
        chosen.append(int(logits[-1].argmax()))
        if len(chosen) == count:
            return chosen, torch.stack(logits)
        fed = chosen[-1:]


def kvdiff_streams(parity, tokens, specs, count):
    """The free tokens of the reference and of each spec: one run, as a user starts it."""
    program = os.environ.get("KVDIFF_PROGRAM") or parity.program.parent.parent / "kvdiff"
    with tempfile.TemporaryDirectory() as folder:
        ids, report = pathlib.Path(folder) / "ids", pathlib.Path(folder) / "report.json"
        ids.write_text(",".join(map(str, tokens)))
        caches = itertools.chain.from_iterable(("--cache", spec) for spec in specs)
        subprocess.run([program, "run", "--model", smollm2(), "--dtype", "float32", "--token-ids", f"@{ids}", "--tokens", str(count),
                        "--mode", "free", "--ignore-eos", "--threads", "2", "--quiet", "--report", f"json:{report}", *caches], check=True)
        lanes = json.loads(report.read_text())["lanes"]
    return [lane["free"]["tokens"] for lane in [lanes[0], *lanes[2:]]]


@dataclasses.dataclass
class Stream:
    prompt: str
    spec: str
    tokens: int
    ours: int     # where kvdiff parts from SDPA; `tokens` where it does not
    eager: int    # where the eager path does
    margin: float  # SDPA's, where kvdiff parts
    eager_margin: float
    from_full: int  # where kvdiff's lane parts from its own reference: what the cache does to the text
    near_tie: float = 0.0  # full precision only: what the margin may be


def parting(left, right):
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=True)) if a != b), len(left))


def margin_at(logits, tokens, other, place):
    return float(logits[place, tokens[place]] - logits[place, other[place]]) if place < len(tokens) else math.nan


@torch.no_grad()
def largest_margin_of_a_tie(model, tokens, logits):
    """2 (1 + M) e, see above; `tokens`: all that SDPA had been fed when it chose from these logits."""
    exact = in_float64(model)(torch.tensor([tokens]), logits_to_keep=1).logits[0, -1]
    return 2 * (1 + MULTIPLE["float32"]) * float((logits.double() - exact).abs().max())


def live_stream(models, name, tokens, spec, ours, reference):
    count, settings = len(ours), CONFIGS.get(spec)
    sdpa, logits = peer_stream(models["sdpa"], tokens, settings, count)
    eager, _ = peer_stream(models["eager"], tokens, settings, count)
    place, its = parting(sdpa, ours), parting(sdpa, eager)
    stream = Stream(name, spec, count, place, its, margin_at(logits, sdpa, ours, place), margin_at(logits, sdpa, eager, its),
                    parting(reference, ours))
    if settings is None and place < count:
        stream.near_tie = largest_margin_of_a_tie(models["sdpa"], tokens + sdpa[:place], logits[place])
    return stream


def chosen_streams(parity, names):
    """(prompt, specs): two of the short prompts with three caches each, or all with all."""
    if parity.full:
        return [(name, list(CONFIGS)) for name in names]
    draw = parity.random("streams")
    specs = draw.permutation(list(CONFIGS))[:6].tolist()
    short = draw.permutation(names[:4])[:2].tolist()
    return [(short[0], specs[:3]), (short[1], specs[3:])]


def print_heading():
    print(f"{'PROMPT':<22} {'CACHE':<80} {'TOKENS':>6} {'KVDIFF PARTS':>16} {'EAGER PARTS':>16} {'FROM FULL':>10}", flush=True)


def print_stream(s):
    places = [f"{at:>4} ({margin:.2g})" if at < s.tokens else "never" for at, margin in ((s.ours, s.margin), (s.eager, s.eager_margin))]
    from_full = s.from_full if s.from_full < s.tokens else "never"
    print(f"{s.prompt:<22} {s.spec:<80} {s.tokens:>6} {places[0]:>16} {places[1]:>16} {from_full:>10}", flush=True)


def print_survival(quantized):
    print("share of the quantized streams that still equal SDPA's")
    for at in (at for at in SURVIVAL if at <= quantized[0].tokens):
        ours, eager = (sum(getattr(s, who) >= at for s in quantized) / len(quantized) for who in ("ours", "eager"))
        print(f"  {at:>4} tokens   kvdiff {ours:>6.1%}   eager {eager:>6.1%}")
    print(f"  median parting: kvdiff {statistics.median(s.ours for s in quantized):g}, eager {statistics.median(s.eager for s in quantized):g}",
          flush=True)


def most_of(pairs):
    """The largest k of n fair coins that is not red: P(at least k) >= LEVEL."""
    tail = [sum(math.comb(pairs, i) for i in range(k, pairs + 1)) / 2**pairs for k in range(pairs + 1)]
    return max(k for k in range(pairs + 1) if tail[k] >= LEVEL)


def sign_test(parity, what, streams, ours, eager):
    """ours, eager: how many streams count for each of the two."""
    most = most_of(ours + eager)
    row = parity.row(PEER, what, allowed=most / len(streams), note=f"kvdiff {ours}, eager {eager}; red from {most + 1} on (sign test, {LEVEL:.0%})")
    row.compared, row.differing = len(streams), ours


def judge(parity, streams):
    full = [s for s in streams if s.spec == "full"]
    row = parity.row(PEER, "full precision: streams equal, near-ties aside")
    row.compared, row.differing = len(full), sum(s.ours < s.tokens and not s.margin <= s.near_tie for s in full)
    near = sum(s.ours < s.tokens for s in full) - row.differing
    row.note = f"{near} part at a near-tie" if near else ""
    quantized = [s for s in streams if s.spec != "full"]
    print_survival(quantized)
    parted = [(s.ours < s.tokens, s.eager < s.tokens) for s in quantized]
    sign_test(parity, "quantized: parts where eager does not", quantized, parted.count((True, False)), parted.count((False, True)))
    sign_test(parity, "quantized: parts earlier than eager", quantized, sum(s.ours < s.eager for s in quantized),
              sum(s.ours > s.eager for s in quantized))


def run(parity):
    torch.set_num_threads(1)  # the HQQ peer is itself only with one; and see area_model.py
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    models = {name: load(smollm2(), torch.float32, name) for name in ("sdpa", "eager")}
    texts = prompts(parity)
    count, streams = 192 if parity.full else 128, []
    print_heading()
    for name, specs in chosen_streams(parity, list(texts)):
        specs = ["full", *specs]
        lanes = kvdiff_streams(parity, texts[name], specs[1:], count)
        for spec, ours in zip(specs, lanes, strict=True):
            streams.append(live_stream(models, name, texts[name], spec, ours, lanes[0]))
            print_stream(streams[-1])
    judge(parity, streams)
