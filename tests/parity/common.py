"""What the areas of the parity run share: drawing, asking kvdiff, counting."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import zlib

import numpy
import torch
from safetensors.torch import load_file, save_file

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclasses.dataclass
class Row:
    area: str
    peer: str
    what: str
    compared: int = 0
    differing: int = 0
    allowed: float = 0.0  # the share that may differ; above 0 only where no bit-equality is claimed, and the note says so
    note: str = ""

    @property
    def ok(self):
        return self.compared > 0 and self.differing <= self.allowed * self.compared


class Parity:
    def __init__(self, program, seed, full, wrong=""):
        self.program, self.seed, self.full, self.wrong = pathlib.Path(program), seed, full, wrong
        self.area, self.rows = "", []

    def random(self, name):
        """A numpy generator that depends on the seed and the name alone."""
        return numpy.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def row(self, peer, what, allowed=0.0, note=""):
        """The row of this peer and thing; made at the first call. Add to .compared and .differing."""
        for row in self.rows:
            if (row.area, row.peer, row.what) == (self.area, peer, what):
                return row
        self.rows.append(Row(self.area, peer, what, allowed=allowed, note=note))
        return self.rows[-1]

    def ask(self, operation, jobs, tensors=None, **options):
        """kvdiff's answers: one value per job, and the tensors that it wrote. On /dev/shm where there is one."""
        shared = pathlib.Path("/dev/shm")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="kvdiff-parity-", dir=shared if shared.is_dir() else None))
        try:
            (folder / "jobs.json").write_text(json.dumps({"operation": operation, "options": options, "jobs": jobs}))
            save_file({name: tensor.contiguous() for name, tensor in (tensors or {}).items()},
                      folder / "in.safetensors")
            subprocess.run([self.program, folder], check=True)
            answers = load_file(folder / "out.safetensors")
            return json.loads((folder / "results.json").read_text()), {k: v.clone() for k, v in answers.items()}
        finally:
            shutil.rmtree(folder)


def smollm2():
    """The folder of the model that `./x model` makes."""
    given = os.environ.get("KVDIFF_MODEL")
    return pathlib.Path(given) if given else pathlib.Path.home() / ".cache/kvdiff/models/SmolLM2-135M-Instruct"


def bits(tensor):
    """As float32 words, every NaN the same: what "bit-equal" means here. +0 and -0 differ."""
    words = tensor.detach().float().contiguous().numpy().reshape(-1).view(numpy.uint32).copy()
    words[numpy.isnan(tensor.detach().float().numpy().reshape(-1))] = 0x7FC00000
    return words


def count_different(left, right):
    """Elements whose bits differ; a different size differs everywhere."""
    left, right = bits(left), bits(right)
    return int((left != right).sum()) if left.size == right.size else max(left.size, right.size)
