"""Shows on a machine with an NVIDIA GPU that kvdiff's kernels give the host's bits there, and how fast they are."""

import argparse
import sys
import tempfile
from pathlib import Path

import items
import machine
import pack
from evidence import Evidence

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = 4
EPILOG = """items:
""" + "\n".join(f"  {name}" for name, _, _ in items.ITEMS) + """

What was never run on a GPU: all of it. The kernels were written and tried on emulated threads (kvdiff run --device emulated),
which proves their results and finds races, stray accesses and missing barriers, and they are compiled by nvcc without
warnings or spilled registers; the host's side of CUDA (streams, memory, copies, errors) was compiled, linked and run only on
machines without a driver. Nothing is known of their speed. This command is what will show it, and its JSON is the evidence.

examples:
  ./x gpu                      everything, on this machine; needs no network
  ./x gpu --pack /tmp          an archive to be carried to a machine with a GPU; there: sh run.sh
  ./x gpu --rehearse           tries these scripts on emulated threads; shows nothing of a GPU

exit codes: 0 all that was tried passed (what was not run is listed), 1 something failed, 2 usage, 4 something is missing here"""


def parse(words):
    parser = argparse.ArgumentParser(prog="./x gpu", description=__doc__, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, metavar="FOLDER", help="write FOLDER/kvdiff-gpu.tar.gz, below 60 MB, and run nothing")
    parser.add_argument("--deps", type=Path, metavar="FOLDER", help="headers and libraries from such an archive (run.sh gives it)")
    parser.add_argument("--out", type=Path, default=ROOT / "build-gpu-evidence", metavar="FOLDER",
                        help="logs, reports and evidence.json (default: %(default)s)")
    parser.add_argument("--built", type=Path, metavar="FOLDER", help="use this build and make none")
    parser.add_argument("--rehearse", action="store_true", help="emulated threads instead of a GPU; with --built")
    options = parser.parse_args(words)
    if options.rehearse and not options.built:
        parser.error("--rehearse: expected --built FOLDER with it")
    for name in ("deps", "built"):
        if getattr(options, name):
            setattr(options, name, getattr(options, name).resolve())
    return options


def write_pack(folder):
    with tempfile.TemporaryDirectory() as staging:
        file, size, missing = pack.pack(ROOT, folder, Path(staging))
    if missing:
        file.unlink()
        print("gpu: not packed, for these are not installed here: " + ", ".join(missing), file=sys.stderr)
        return ENVIRONMENT
    print(f"{file}: {size / 1e6:.1f} MB. On the machine: tar xzf {file.name} && sh kvdiff-gpu/run.sh")
    return 0


def run(options):
    found, missing = machine.inspect()
    options.out.mkdir(parents=True, exist_ok=True)
    bench = items.Bench(ROOT, options, found, options.out)
    evidence = Evidence({**found, "device": bench.device, "missing": missing})
    for name, action, needs in items.ITEMS:
        def one(action=action, name=name):
            if missing and not options.rehearse:
                raise items.NotRun("missing here: " + "; ".join(missing))
            if options.rehearse and any(part in name for part in items.NOT_REHEARSED):
                raise items.NotRun("not part of a rehearsal")
            return action(bench)
        evidence.item(name, one, needs if not missing or options.rehearse else ())
    evidence.write(options.out / "evidence.json")
    if missing and not options.rehearse:
        print("gpu: nothing was run. Missing here:\n  " + "\n  ".join(missing), file=sys.stderr)
    return evidence.exit_code()


def main(words):
    options = parse(words)
    return write_pack(options.pack) if options.pack else run(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
