"""A real generation by transformers under its quantized cache: K and V of every step are recorded on the way in, views
and codes on the way out, and ours has to show the same from the same K and V."""

import hashlib

import torch
from transformers.cache_utils import QuantizedCache

import recorded_kv
from common import bits, count_different
from peer_cache import PEER, held_codes, one_thread, watch
from schedules_compare import spec_of

STEPS = 512


class Recorder:
    """Watches one layer of a cache while a model runs."""

    def __init__(self, layer):
        self.layer, self.fresh, self.seen, self.codes = layer, [[], []], [], []
        self.original, layer.update = layer.update, self.update

    def update(self, key, value, *arguments, **options):
        flushes = self.layer.flushes[0]
        views = self.original(key, value, *arguments, **options)
        for kept, tensor in zip(self.fresh, (key, value)):
            kept.append(tensor.clone())
        self.seen.append([(view.numel(), digest(view)) for view in views])
        if self.layer.flushes[0] > flushes:
            held = (self.layer._quantized_keys, self.layer._quantized_values)
            self.codes.append([held_codes(tensors).clone() for tensors in held])
        return views


def digest(values):
    """Of the bits that `equal` means; a view of every step would take gigabytes."""
    return hashlib.blake2b(bits(values).data, digest_size=16).digest()


def record(options, solver, layers):
    config = recorded_kv.model()[0].config
    cache = QuantizedCache(backend="hqq", config=config, **options)
    for layer in cache.layers:
        watch(layer, solver)
    recorders = {i: Recorder(cache.layers[i]) for i in layers}
    recorded_kv.generate(cache, recorded_kv.question_ids(), STEPS)
    return recorders


def compare_layer(parity, name, recorder, answers, states):
    def row(what):
        return parity.row(PEER, f"{name}: {what}")

    at = [0, 0]
    for seen in recorder.seen:
        for side, (size, expected) in enumerate(seen):
            ours = answers[("key", "value")[side] + ".views"][at[side]:at[side] + size]
            at[side] += size
            row("views").compared += size
            row("views").differing += 0 if digest(ours) == expected else size
    for side in (0, 1):
        theirs = torch.cat([codes[side] for codes in recorder.codes])
        row("packed codes").compared += theirs.numel()
        row("packed codes").differing += count_different(theirs, answers[("key", "value")[side] + ".packed"])
        row("flushes").compared += 1
        row("flushes").differing += recorder.layer.flushes[side] != states[-1]["flushes"][side]


def compare(parity, options, recorders, keys, variant):
    name = f"{variant}, SmolLM2 writes"
    for recorder in recorders.values():
        key, value = (torch.cat(kept, dim=-2) for kept in recorder.fresh)
        ops = [tensor.shape[-2] for tensor in recorder.fresh[0]]
        job = {"id": "0", "spec": spec_of("hqq", options, keys), "key": "k", "value": "v", "ops": ops}
        states, answers = parity.ask("cache", [job], {"k": key, "v": value}, wrong=parity.wrong)
        compare_layer(parity, name, recorder, {k.removeprefix("0."): v for k, v in answers.items()}, states[0])
    parity.row(PEER, f"{name}: views").note = f"{len(recorders)} layers at each of {STEPS} steps"


def run(parity):
    options = {"nbits": 4, "q_group_size": 32, "residual_length": 64, "axis_key": 0, "axis_value": 1}
    with one_thread():
        recorders = record(options, "on", range(30) if parity.full else [0, 9, 19, 29])
        compare(parity, options, recorders, ",solver=on,arithmetic=torch", "hqq, solver on, torch")
