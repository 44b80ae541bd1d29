"""Runs the program under test: kvdiff, whose path stands in KVDIFF_PROGRAM."""

import os
import subprocess
from pathlib import Path

program = os.environ["KVDIFF_PROGRAM"]

PASSED, BEYOND_LIMITS, USAGE, INPUT, ENVIRONMENT, NOTHING_TO_DO = 0, 1, 2, 3, 4, 5
IO, INTERRUPTED = 74, 75


def kvdiff(*arguments, stdin="", environment=None, folder=None):
    """The finished process: returncode, stdout, stderr."""
    return subprocess.run(
        [program, *arguments], input=stdin, capture_output=True, text=True, timeout=600, cwd=folder,
        env={**os.environ, **(environment or {})})


def shell(line, folder=None, environment=None):
    """The same through bash, with `kvdiff` on the path."""
    path = f"{Path(program).parent}:{os.environ['PATH']}"
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=600, cwd=folder,
                          env={**os.environ, "PATH": path, **(environment or {})})


def tiny_model(folder, *options):
    """Writes a model of two layers, made from a seed, as a Hugging Face folder."""
    tool = Path(program).parent / "tests" / "kvdiff_tiny_model"
    subprocess.run([tool, folder, *options], check=True, timeout=60)
    return str(folder)
