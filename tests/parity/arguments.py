"""The parity run's areas and flags. Run alone it checks the flags and does nothing, so that a mistake is found before
anything is installed."""

import argparse
import pathlib

# area: what is compared. In the order in which they run; each is a file area_NAME.py with run(parity).
AREAS = {
    "codecs": "codes, packed bytes, scales, zeros, dequantized values",
    "faults": "planted faults are found, each at its row",
    "fixtures": "making the golden fixtures again gives the same bytes",
    "schedules": "views, codes, lengths and flushes of a cache, update by update",
    "forecast": "whether, when and with which words the peer raises",
    "tokenizer": "ids, decoded and streamed text, Unicode class tables",
    "model": "attention outputs, hidden states, logits, within bounds",
    "streams": "free greedy streams on SmolLM2, beside the peer's own two paths",
}
FAULTS = ("scale", "nibbles", "truncate", "ascending")

EPILOG = """areas:
""" + "\n".join(f"  {name:<12} {what}" for name, what in AREAS.items()) + """

examples:
  ./x parity                        draws a seed, prints it, compares everything in about 20 minutes
  ./x parity --seed 7 --only codecs
  ./x parity --only codecs --wrong scale     must end red

exit codes: 0 nothing differs that may not, 1 something does, 2 usage, 4 a peer is missing or of another version"""


def parse():
    parser = argparse.ArgumentParser(prog="./x parity", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description="Compares kvdiff with the real packages on freshly drawn inputs.")
    parser.add_argument("--seed", type=int, help="repeat a run; drawn and printed otherwise")
    parser.add_argument("--full", action="store_true", help="everything: hours")
    parser.add_argument("--only", action="append", choices=list(AREAS), metavar="AREA", help="one area; may be given again")
    parser.add_argument("--wrong", default="", choices=["", *FAULTS], metavar="FAULT",
                        help="plant a fault into kvdiff's codecs: " + ", ".join(FAULTS))
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the table here too")
    return parser.parse_args()


if __name__ == "__main__":
    parse()
