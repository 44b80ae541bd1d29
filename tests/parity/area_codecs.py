"""Codecs: one file per peer package, codecs_*.py, each with `run(parity)`."""

import codecs_hqq


def run(parity):
    codecs_hqq.run(parity)
