"""How far two readers of one set agree: compare_readings.py READINGS.json OTHER.json

Of the first stretch of each text, which is what counts (README.md): texts of which both readers name a kind in common, those
whose onsets are then more than 8 tokens apart, and readings that are the same to the letter. Prints each text where they differ.
Onsets must be token numbers (`#7`).
"""
import json
import pathlib
import sys

TOLERANCE = 8


def names(reading):
    """What the reader calls the first stretch: {(kind, onset)}; a text that is sound, or undecided, has no onset."""
    if reading == "?" or reading.split()[0] == "none":
        return {(reading.split()[0], 0)}
    parts = [part.split("@#") for part in reading.split(";")[0].split("|")]
    return {(kind, int(onset)) for kind, onset in parts}


def differ(one, other):
    """What two readings differ in: "kind", "onset" or nothing. Where a reader cannot decide they differ in kind."""
    common = [abs(a[1] - b[1]) for a in names(one) for b in names(other) if a[0] == b[0] != "?"]
    if not common:
        return "kind"
    return "onset" if min(common) > TOLERANCE else ""


def main():
    one, other = (json.loads(pathlib.Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:3])
    if one.keys() != other.keys():
        raise SystemExit(f"not of the same texts: {sorted(one.keys() ^ other.keys())[:5]}")
    found = {text: differ(one[text], other[text]) for text in one}
    for text, what in found.items():
        if what:
            print(f"{what}: {text}: {one[text]} | {other[text]}")
    kinds, onsets = list(found.values()).count("kind"), list(found.values()).count("onset")
    same = sum(one[text] == other[text] for text in one)
    print(f"{len(one)} texts: a kind in common in {len(one) - kinds}, onsets more than {TOLERANCE} tokens apart in {onsets}, "
          f"the same to the letter in {same}")


if __name__ == "__main__":
    main()
