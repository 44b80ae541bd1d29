"""Codecs: one file per peer package, codecs_*.py, each with `run(parity)`."""

import codecs_hqq
import codecs_quanto


def run(parity):
    codecs_hqq.run(parity)
    codecs_quanto.run(parity)
