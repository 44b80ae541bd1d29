"""Codecs: one file per peer package, codecs_*.py, each with `run(parity)`."""

import importlib

FILES = ("hqq", "quanto", "ggml", "fp8", "kivi", "integer")


def run(parity):
    for name in FILES:
        importlib.import_module(f"codecs_{name}").run(parity)
