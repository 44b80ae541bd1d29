"""Compares kvdiff with the real packages on freshly drawn inputs.

    ./x parity [--seed N] [--full] [--only AREA] [--wrong FAULT]

Each area is a file here with `run(parity)`, and a row in AREAS. It draws inputs, asks the peer and kvdiff (the tool
kvdiff_parity, bridge.h) and counts. Exit code 0: nothing differs that may not; 1: something does; 4: a peer is missing
or of another version.
"""

import argparse
import importlib
import json
import os
import pathlib
import random
import sys
import time

PINNED = {"torch": "2.13.0", "transformers": "5.23.0", "hqq": "0.2.8.post1", "optimum-quanto": "0.2.7", "gguf": "0.19.0",
          "tokenizers": "0.23.3", "safetensors": "0.8.0"}
# area: what is compared. In the order in which they run.
AREAS = {
    "codecs": "codes, packed bytes, scales, zeros, dequantized values",
    "tokenizer": "ids, decoded and streamed text, Unicode class tables",
    "model": "attention outputs, hidden states, logits, within bounds",
    "streams": "free greedy streams on SmolLM2, beside the peer's own two paths",
}


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


def main():
    parser = argparse.ArgumentParser(prog="./x parity", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, help="repeat a run; drawn and printed otherwise")
    parser.add_argument("--full", action="store_true", help="everything, hours")
    parser.add_argument("--only", action="append", choices=list(AREAS), help="one area; may be given again")
    parser.add_argument("--wrong", default="", help="plant a fault into kvdiff's codecs: scale, nibbles, truncate, ascending")
    parser.add_argument("--json", type=pathlib.Path, help="write the table here too")
    arguments = parser.parse_args()
    check_versions()
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    from common import Parity

    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(2**31)
    parity = Parity(os.environ["KVDIFF_PARITY"], seed, arguments.full, arguments.wrong)
    print(f"parity: seed {seed}" + (", full" if arguments.full else "") +
          (f", planted fault: {arguments.wrong}" if arguments.wrong else ""), flush=True)
    for area in arguments.only or AREAS:
        start = time.time()
        parity.area = area
        importlib.import_module(f"area_{area}").run(parity)
        print(f"parity: {area}: {time.time() - start:.0f} s", file=sys.stderr, flush=True)
    print_table(parity.rows)
    red = [row for row in parity.rows if not row.ok]
    print(f"\n{len(parity.rows)} rows, {len(red)} red; repeat with ./x parity --seed {seed}")
    if arguments.json:
        arguments.json.write_text(json.dumps([row.__dict__ | {"ok": row.ok} for row in parity.rows], indent=1) + "\n")
    sys.exit(1 if red or not parity.rows else 0)


if __name__ == "__main__":
    main()
