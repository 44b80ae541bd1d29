"""Asks transformers' quantized caches for what they cannot do, and writes their answers to fixtures/peer_forecast.json.

    python make_peer_forecast_fixtures.py [--out FILE]

Needs transformers==5.23.0, hqq==0.2.8.post1, optimum-quanto==0.2.7, torch==2.13.0, numpy. The questions are those of the
live comparison, ../parity/forecast_cases.py; the answers are of ../parity/peer_failures.py.
"""
import argparse
import json
import pathlib
import sys
import zlib
from importlib import metadata

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "parity"))
import numpy
import torch

import forecast_cases
from peer_failures import Live, constructed

PINNED = {"torch": "2.13.0", "transformers": "5.23.0", "hqq": "0.2.8.post1", "optimum-quanto": "0.2.7"}


class Seeded:
    """What the makers of cases ask of a parity run."""

    full = False

    def random(self, name):
        return numpy.random.default_rng([20261123, zlib.crc32(name.encode())])


def asked(case):
    live = Live(case["backend"], case["shape"], case["gradients"], **case["options"])
    return {key: case[key] for key in ("spec", "shape", "steps", "gradients")} | {"events": live.run(case["steps"])}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "fixtures" / "peer_forecast.json")
    found = {name: metadata.version(name).split("+")[0] for name in PINNED}
    if found != PINNED:
        raise SystemExit(f"fixtures are made with {PINNED}; found {found}")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    torch.manual_seed(20261123)
    cases = list(forecast_cases.update_cases(Seeded()))[:120] + list(forecast_cases.operation_cases(Seeded()))[:60]
    lines = [json.dumps(asked(case), separators=(",", ":")) for case in cases]
    for config, shape in list(forecast_cases.config_cases(Seeded()))[:80]:
        constructor, first = constructed(config, shape)
        lines.append(json.dumps({"config": config, "shape": shape, "constructor": constructor, "first": first},
                                separators=(",", ":")))
    head = json.dumps({"made_by": pathlib.Path(__file__).name, "packages": found})[:-1]
    out.write_text(head + ',\n"cases": [\n' + ",\n".join(lines) + "\n]}\n")
    print(f"{out}: {len(lines)} cases, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
