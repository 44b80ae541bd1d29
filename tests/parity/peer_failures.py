"""What transformers' caches really do: the first exception, in which call and step, and what goes wrong in silence."""

import copy
import math

import torch
from hqq.core.quantize import Quantizer
from transformers.cache_utils import QuantizedCache

from peer_cache import ONE_LAYER


def error_of(action):
    """(type, message) of what it raises, or None."""
    try:
        action()
    except Exception as error:
        return {"type": type(error).__name__, "message": str(error)}
    return None


class Live:
    """One layer, asked step by step. `events` holds what happened: each silent error once, an exception last."""

    def __init__(self, backend, shape, gradients=False, **options):
        self.cache = QuantizedCache(backend=backend, config=ONE_LAYER, **options)
        self.backend, self.shape, self.gradients = backend, shape, gradients
        self.events, self.step, self.honest, self.doing = [], 0, {}, None
        layer = self.layer = self.cache.layers[0]
        self.quantize, self.dequantize = layer._quantize, layer._dequantize
        layer._quantize, layer._dequantize = self.watched_quantize, self.watched_dequantize

    def silent(self, call):
        if not any(event["call"] == call and event["wrong"] for event in self.events):
            self.events.append({"call": call, "step": self.step, "wrong": True, "raises": False})

    def watched_quantize(self, tensor, *arguments, **options):
        self.doing = "quantize"
        held = self.quantize(tensor, *arguments, **options)
        if self.backend == "hqq":  # without packing there is nothing to go wrong
            codes, meta = Quantizer.quantize(tensor, axis=options["axis"], device="cpu", compute_dtype=tensor.dtype,
                                             nbits=self.layer.nbits, group_size=self.layer.q_group_size, bitpack=False)
            meta["compute_dtype"] = tensor.dtype
            self.honest[id(held)] = Quantizer.dequantize(codes, meta).reshape(tensor.shape)
        return held

    def watched_dequantize(self, held):
        self.doing = "dequantize"
        values = self.dequantize(held)
        if self.backend == "hqq" and not torch.equal(values, self.honest[id(held)]):
            self.silent("dequantize")
        return values

    def append(self, count):
        shape = (*self.shape[:2], count, self.shape[3])
        key, value = (torch.randn(shape, requires_grad=self.gradients) * 1.0 for _ in range(2))
        self.cache.update(key, value, 0)

    def crop(self, count):
        self.doing, before = "crop", self.cache.get_seq_length()
        self.cache.crop(count)
        if self.cache.get_seq_length() != max(0, before + count):
            self.silent("crop")

    def deepcopy(self):
        self.doing = "copy.deepcopy"
        watched = self.layer._quantize, self.layer._dequantize
        del self.layer._quantize, self.layer._dequantize  # a copy of the watchers would be ours
        try:
            copy.deepcopy(self.cache)
        finally:
            self.layer._quantize, self.layer._dequantize = watched

    def copy(self):
        self.doing = "copy.copy"
        if copy.copy(self.cache).layers[0] is self.layer:
            self.silent("copy.copy")

    def take(self, step):
        if isinstance(step, int):
            return self.append(step)
        if isinstance(step, dict):
            return self.crop(step["crop"])
        return self.deepcopy() if step == "deepcopy" else self.copy()

    def run(self, steps):
        for self.step, step in enumerate(steps):
            error = error_of(lambda step=step: self.take(step))
            if error:
                self.events.append({"call": self.doing, "step": self.step, "wrong": False, "raises": True, **error})
                break
        return self.events


def constructed(config, shape):
    """What making such a cache raises, and then its first quantizing of keys [B, H, S, D]."""
    made = []
    constructor = error_of(lambda: made.append(QuantizedCache(config=ONE_LAYER, **config)))
    if constructor or not made:
        return constructor, None
    tensor = torch.randn(shape)
    assert math.prod(shape) > 0
    return None, error_of(lambda: made[0].update(tensor, tensor, 0))
