"""The model: attention outputs, hidden states and logits against transformers, over its options; and behind the
cache that a quantized run of the peer has at some step.

Bit-equality is not claimed: the peer's sums have another order, which differs by machine. The rule, for one pass, with
everything divided by the row's root mean square in the exact run, which is the peer in float64:

    |kvdiff - exact| <= M x E + u |exact|               for every element; E: the largest |peer - exact| in this pass of
                                                        all layers' outputs of this kind (or the logits)
    rms(kvdiff - exact) <= M x rms(peer - exact) + u    for every tensor (rows of its own in the table)

u is half a unit in the last place of 1, the error of one rounding to the compute type. M follows from how sums are
made. float32: a sum of terms of like size, made in chains of L, errs by sqrt(L / 2) u of itself (the roundings of the
partial sums, taken as independent). Our chains have 256 terms (kernels.h). A peer with 32 accumulators has chains of at
least 16 where there are 512 terms: ours may err by sqrt(256 / 16) as much, M = 4.
16-bit types: the one rounding after each module outweighs the sums by far, and both round the same modules: two draws
from the same errors, M = 2.
"""

import pathlib
import shutil
import tempfile

import torch
from transformers import AutoTokenizer, logging

from common import DTYPES, smollm2
from peer_llama import continue_view, in_float64, load, quantized_views, save_random_llama, watch

PEER = "transformers 5.23.0"
UNIT = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
MULTIPLE = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0}  # M
PARTS = ("attended", "hidden", "logits")

BASE = {"vocab_size": 320, "hidden_size": 64, "intermediate_size": 112, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": False}
ROPES = {
    "default": {"rope_type": "default", "rope_theta": 10000.0},
    "default, theta 5e5": {"rope_type": "default", "rope_theta": 500000.0},
    "linear": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0},
    "dynamic": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0},
    "llama3": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 32},
    "yarn": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16},
    "yarn, mscale": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 40.0, "mscale": 0.707, "mscale_all_dim": 1.0,
                     "original_max_position_embeddings": 32},
    "yarn, factor given": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 2.0, "attention_factor": 1.25, "beta_fast": 16.0,
                           "beta_slow": 2.0, "truncate": False, "original_max_position_embeddings": 32},
}
SIZES = {
    "heads 1:1": {"num_key_value_heads": 4}, "heads 2:1": {},
    "heads 3:1": {"hidden_size": 96, "num_attention_heads": 6}, "heads 8:1": {"num_attention_heads": 8, "num_key_value_heads": 1},
    "heads of 32": {"head_dim": 32}, "heads of 6": {"head_dim": 6},
    "heads of 80, 9:3": {"head_dim": 80, "hidden_size": 72, "num_attention_heads": 9, "num_key_value_heads": 3},
    "wide": {"hidden_size": 320, "intermediate_size": 864, "num_attention_heads": 5, "num_key_value_heads": 5},
}
SWITCHES = {
    "plain": {}, "tied": {"tie_word_embeddings": True}, "attention bias": {"attention_bias": True}, "mlp bias": {"mlp_bias": True},
    "both biases, tied": {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
    "epsilon 1e-3": {"rms_norm_eps": 1e-3},
}


def random_models(parity):
    """Every option once with the others as they are, then drawn together."""
    def options(rope, size, switch):
        return BASE | SIZES[size] | SWITCHES[switch] | {"rope_parameters": ROPES[rope]}

    plain = ("default", "heads 2:1", "plain")
    chosen = [(rope, *plain[1:]) for rope in ROPES] + [(plain[0], size, plain[2]) for size in SIZES]
    chosen += [(*plain[:2], switch) for switch in SWITCHES]
    draw = parity.random("models")
    for _ in range(200 if parity.full else 8):
        chosen.append(tuple(list(table)[draw.integers(len(table))] for table in (ROPES, SIZES, SWITCHES)))
    for names in dict.fromkeys(chosen):
        yield ", ".join(names), options(*names), int(draw.integers(2**31))


def count(parity, what, dtype, exact, theirs, ours):
    """exact, theirs, ours: the parts of one pass. Adds to the two rows of this dtype."""
    multiple, unit = MULTIPLE[dtype], UNIT[dtype]
    each, whole = (parity.row(PEER, f"{what}, {dtype}: {unit_of}") for unit_of in ("elements", "rms of tensors"))
    for part in PARTS:
        errors = [in_rows(*tensors) for tensors in zip(exact[part], theirs[part], ours[part], strict=True)]
        farthest = max(their.abs().max() for _, their, _ in errors)
        for right, their, our in errors:
            rms, their_rms = our.pow(2).mean().sqrt(), their.pow(2).mean().sqrt()
            bound = multiple * farthest + unit * right.abs()
            each.compared += our.numel()
            each.differing += int((~(our.abs() <= bound)).sum())
            whole.compared += 1
            whole.differing += int(not rms <= multiple * their_rms + unit)
            largest(whole, "ours / peer's, largest", rms / their_rms)
            largest(each, "of the bound, largest", (our.abs() / bound).max())


def in_rows(exact, theirs, ours):
    """The exact values and both errors, in units of the row's root mean square."""
    exact = exact.double()
    scale = exact.pow(2).mean(-1, keepdim=True).sqrt()
    return exact / scale, (theirs.double() - exact) / scale, (ours.double() - exact) / scale


def largest(row, what, value):
    """Keeps the largest value so far in the note."""
    before = float(row.note.split()[-1]) if row.note else 0.0
    row.note = f"{what} {max(before, float(value)):.2f}"


def job_of(folder, dtype, attention, tokens, number, history=""):
    return {"id": str(number), "folder": str(folder), "dtype": dtype, "eager": attention == "eager", "tokens": tokens, "history": history}


def ask(parity, jobs, tensors=None):
    """The parts of each job's pass."""
    results, answers = parity.ask("model", jobs, tensors)
    for job, result in zip(jobs, results, strict=True):
        if result:
            raise RuntimeError(f"{job['folder']}, {job['dtype']}: {result['error']}")
    return [{part: answers[f"{job['id']}.{part}"] for part in ("attended", "hidden")} |
            {"logits": answers[job["id"] + ".logits"][None]} for job in jobs]


def compare(parity, what, folder, cases, tokens):
    """cases: (dtype, attention). One model, each case in one pass."""
    answers = ask(parity, [job_of(folder, dtype, attention, tokens, i) for i, (dtype, attention) in enumerate(cases)])
    for dtype in dict.fromkeys(dtype for dtype, _ in cases):
        model = load(folder, DTYPES[dtype], "sdpa")
        exact = watch(in_float64(model), tokens)
        for (its_dtype, attention), answer in zip(cases, answers, strict=True):
            if its_dtype == dtype:
                model.set_attn_implementation(attention)
                count(parity, f"{what}, {attention}", dtype, exact, watch(model, tokens), answer)


def opticks(parity, count):
    """Tokens of the text in the tree, from a drawn place on."""
    text = (pathlib.Path(__file__).resolve().parents[2] / "scenarios/prompts/newton-opticks.txt").read_text()
    start = int(parity.random(f"opticks {count}").integers(len(text) - 8 * count))
    return AutoTokenizer.from_pretrained(smollm2())(text[start:start + 8 * count])["input_ids"][:count]


QUANTIZED = [{"nbits": 4, "axis_key": 0, "axis_value": 0, "q_group_size": 64, "residual_length": 16},
             {"nbits": 2, "axis_key": 1, "axis_value": 1, "q_group_size": 64, "residual_length": 128}]


def compare_views(parity, tokens):
    """Some steps of a quantized run of the peer: what attention saw there, and the token that was fed, given to both."""
    model = load(smollm2(), torch.float32, "sdpa")
    wide = in_float64(model)
    steps = (1, 2, 17, 18, 40) if parity.full else (1, 18)
    views = [(settings["nbits"], view) for settings in QUANTIZED for view in quantized_views(model, tokens, settings, steps)]
    tensors = {f"{i}.{side}.{layer}": held for i, (_, view) in enumerate(views)
               for layer, pair in enumerate(view.history) for side, held in zip(("key", "value"), pair)}
    jobs = [job_of(smollm2(), "float32", "sdpa", [view.token], i, history=str(i)) for i, (_, view) in enumerate(views)]
    for (bits, view), answer in zip(views, ask(parity, jobs, tensors), strict=True):
        count(parity, "SmolLM2 behind the peer's cache, hqq", "float32", continue_view(wide, view), continue_view(model, view),
              answer)


def run(parity):
    torch.set_num_threads(1)  # more of them wait for one another where others use the machine
    logging.disable_progress_bar()
    logging.set_verbosity_error()  # it warns of options that are meant to be odd
    draw = parity.random("tokens")
    every = [(dtype, attention) for dtype in DTYPES for attention in ("sdpa", "eager")]
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, options, seed) in enumerate(random_models(parity)):
            at = pathlib.Path(folder) / str(i)
            save_random_llama(at, seed, **options)
            shutil.copy(smollm2() / "tokenizer.json", at)  # a checkpoint has one; no text is read here
            compare(parity, "random models", at, every, draw.integers(0, BASE["vocab_size"], 100).tolist())
    tokens = opticks(parity, 200)
    compare(parity, "SmolLM2", smollm2(), every if parity.full else [("float32", "sdpa")], tokens)
    compare_views(parity, tokens[:100])
