"""Compares kvdiff with the real packages on freshly drawn inputs.

    ./x parity [--seed N] [--full] [--only AREA] [--wrong FAULT]

Each area is a file here with `run(parity)`, and a row in AREAS. It draws inputs, asks the peer and kvdiff (the tool
kvdiff_parity, bridge.h) and counts. Exit code 0: nothing differs that may not; 1: something does; 4: a peer is missing
or of another version.
"""

import importlib
import json
import os
import random
import sys
import time
import traceback

import arguments

PINNED = {"torch": "2.13.0", "transformers": "5.23.0", "hqq": "0.2.8.post1", "optimum-quanto": "0.2.7", "gguf": "0.19.0",
          "tokenizers": "0.23.3", "safetensors": "0.8.0"}


def check_versions():
    from importlib import metadata

    wrong = []
    for package, pinned in PINNED.items():
        try:
            found = metadata.version(package).split("+")[0]
        except metadata.PackageNotFoundError:
            found = "nothing"
        if found != pinned:
            wrong.append(f"{package}: found {found}, expected {pinned}")
    if wrong:
        print("parity: the peers are not the pinned ones, so nothing was compared:\n  " + "\n  ".join(wrong) +
              "\nRun ./x parity, which keeps a venv of its own (third_party/peers.lock).", file=sys.stderr)
        sys.exit(4)


def print_table(rows):
    print(f"\n{'AREA':<10} {'PEER':<28} {'WHAT':<52} {'COMPARED':>12} {'EQUAL':>12} {'DIFFER':>9}")
    for row in rows:
        verdict = "" if row.ok else "  RED"
        print(f"{row.area:<10} {row.peer:<28} {row.what:<52} {row.compared:>12,} {row.compared - row.differing:>12,} "
              f"{row.differing:>9,}{verdict}{'  ' + row.note if row.note else ''}")


def run_area(parity, area):
    """An area that breaks down is a red row, and the others still run."""
    try:
        importlib.import_module(f"area_{area}").run(parity)
    except Exception:
        traceback.print_exc()
        row = parity.row("", "ended early, see the traceback above")
        row.compared = row.differing = 1


def main():
    options = arguments.parse()
    check_versions()
    from common import Parity

    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**31)
    parity = Parity(os.environ["KVDIFF_PARITY"], seed, options.full, options.wrong)
    print(f"parity: seed {seed}" + (", full" if options.full else "") +
          (f", planted fault: {options.wrong}" if options.wrong else ""), flush=True)
    for area in options.only or arguments.AREAS:
        start = time.time()
        parity.area = area
        run_area(parity, area)
        print(f"parity: {area}: {time.time() - start:.0f} s", file=sys.stderr, flush=True)
    print_table(parity.rows)
    red = [row for row in parity.rows if not row.ok]
    print(f"\n{len(parity.rows)} rows, {len(red)} red; repeat with ./x parity --seed {seed}")
    if options.json:
        options.json.write_text(json.dumps([row.__dict__ | {"ok": row.ok} for row in parity.rows], indent=1) + "\n")
    sys.exit(1 if red or not parity.rows else 0)


if __name__ == "__main__":
    main()
