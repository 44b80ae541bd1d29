"""transformers 5.23's QuantizedCache with one layer, watched: what update() returns, how often it quantizes, what it holds."""

import contextlib

import torch
from hqq.core.quantize import Quantizer
from transformers import LlamaConfig
from transformers.cache_utils import QuantizedCache

PEER = "transformers 5.23.0"
ONE_LAYER = LlamaConfig(num_hidden_layers=1, hidden_size=16, num_attention_heads=1)


class Unsolved(Quantizer):
    """hqq with optimize=False, which transformers itself never asks for."""

    @classmethod
    def quantize(cls, *arguments, **options):
        return super().quantize(*arguments, **{**options, "optimize": False})


def watch(layer, solver="on"):
    """Counts the layer's flushes: each quantizes keys, then values."""
    layer.flushes = [0, 0]
    original, turn = layer._quantize, [0]

    def counted(tensor, *arguments, **options):
        layer.flushes[turn[0] % 2] += 1
        turn[0] += 1
        return original(tensor, *arguments, **options)

    layer._quantize = counted
    if solver == "off":
        layer.quantizer = Unsolved
    return layer


class PeerCache:
    def __init__(self, backend, solver="on", **options):
        self.backend = backend
        self.cache = QuantizedCache(backend=backend, config=ONE_LAYER, **options)
        self.layer = watch(self.cache.layers[0], solver)

    def append(self, key, value):
        return self.cache.update(key, value, 0)

    def reorder(self, rows):
        self.cache.reorder_cache(torch.tensor(rows))

    def reset(self):
        self.cache.reset()
        self.layer.flushes[:] = [0, 0]

    def length(self):
        return self.cache.get_seq_length()

    def readable(self):
        try:
            for held in (self.layer._quantized_keys, self.layer._quantized_values):
                self.layer._dequantize(held)
        except RuntimeError:
            return False
        return True

    def fresh_codes(self, count):
        """What the last update of so many tokens encoded: all, but fp8 appends, and ours does so token by token."""
        if self.backend != "fp8":
            return self.codes()
        return [held[0][:, :, -count:].permute(2, 0, 1, 3).contiguous().reshape(-1).view(torch.uint8)
                for held in (self.layer._quantized_keys, self.layer._quantized_values)]

    def codes(self):
        """Bytes of the codes, as they lie in memory."""
        return [held_codes(held) for held in (self.layer._quantized_keys, self.layer._quantized_values)]


def held_codes(held):
    """hqq: (codes, meta). fp8: (codes, scale). quanto: a tensor of its own that packs codes."""
    codes = held[0] if isinstance(held, tuple) else held._data._data
    return codes.contiguous().reshape(-1).view(torch.uint8)


@contextlib.contextmanager
def one_thread():
    """The sums of hqq's solver depend on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
