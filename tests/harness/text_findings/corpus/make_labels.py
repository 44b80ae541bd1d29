"""Makes labels.jsonl from readings.json and texts.jsonl: where the words that the reader named stand, what is to be said beside the
reference, and which half a text belongs to. README.md has the rules.

A reading is `none` (or `none plain`: not counted as a hard negative), `?` (a reader cannot decide: left out), or stretches one
after the other, joined by `;`. A stretch is KIND@WHERE, or several joined by `|` where it can be called several things. WHERE is
words of the text, `2:words` (the second time they occur), `#7` (token 7) or `~fc` (the first such byte).

Prints for each half: texts labelled, undecided, kinds, onsets, hard negatives.
"""
import collections
import hashlib
import json
import pathlib
import re

HERE = pathlib.Path(__file__).parent
STUCK = {"loop", "stuck_token", "repetition"}
SLACK = 32
INFIXES = ("", ".fresh", ".more", ".blind", ".blind2", ".blind3", ".blind4")  # of the sets, between the names of their files and their endings
PLAIN_PROMPTS = {"prose", "explain", "letter", "rivers", "bicycle", "email", "story", "history", "planets", "garden",
                 "rainbow", "savings", "sailor", "choice", "diary", "fridge", "volcano", "dragon", "complaint", "tides", "robot", "landlord",
                 "bees", "bottle", "teacher", "puncture"}


def half_of(name):
    return "tuning" if int(hashlib.sha256(name.encode()).hexdigest()[0], 16) % 2 == 0 else "held_out"


def bytes_of(piece):
    return piece.encode() if isinstance(piece, str) else bytes(piece)


def place(text, where):
    """The token that holds the first byte of the words, white space in front of them not counted."""
    if where.startswith("#") and where[1:].isdigit():
        return int(where[1:])
    pieces = [bytes_of(piece) for piece in text["pieces"]]
    times, words = re.fullmatch(r"(?:(\d):)?(.*)", where, re.DOTALL).groups()
    words = bytes.fromhex(words[1:]) if re.fullmatch("~[0-9a-f]{2}", words) else words.encode()
    at = -1
    for _ in range(int(times or 1)):
        at = b"".join(pieces).find(words, at + 1)
        if at < 0:
            raise SystemExit(f"{text['id']}: no {where!r}")
    end = 0
    for token, piece in enumerate(pieces):
        end += len(piece)
        if end > at:
            return token
    raise AssertionError


def stretches(text, reading):
    """[[{"kind", "onset"}, ...], ...]: one after the other, each with what it can be called."""
    if reading.split()[0] == "none":
        return []
    return [[{"kind": kind, "onset": place(text, where)} for kind, where in (one.split("@", 1) for one in stretch.split("|"))]
            for stretch in reading.split(";")]


def excused(stretch, reference):
    family = [one for one in reference if one["kind"] == stretch["kind"] or {one["kind"], stretch["kind"]} <= STUCK]
    return any(one["onset"] <= stretch["onset"] + SLACK for one in family)


def label(text, reading, reference):
    """`right`: what may be said of it, the most striking first. `alone`: its stretches, whatever the reference does."""
    own = stretches(text, reading)
    right = [{"kind": "none", "onset": -1}]
    for stretch in own:
        if not excused(stretch[0], reference):
            right = [one for one in stretch if not excused(one, reference)]
            break
    sound = right[0]["kind"] == "none"
    hard = sound and (bool(own) or "by hand" in text["id"] or text["prompt"] not in PLAIN_PROMPTS) and reading != "none plain"
    return {"id": text["id"], "half": half_of(text["id"]), "right": right, "hard_negative": hard, "alone": own}


def read(name):
    return (HERE / name).read_text(encoding="utf-8")


def labels_of(infix):
    """Of one set (INFIXES). A reference that nobody can decide about excuses no candidate."""
    readings = json.loads(read(f"readings{infix}.json"))
    lines = [json.loads(line) for line in read(f"texts{infix}.jsonl").splitlines()]
    texts = {line["id"]: line for line in lines if "id" in line}
    assert texts.keys() == readings.keys(), texts.keys() ^ readings.keys()
    references = {name: [one for stretch in stretches(text, readings[name])[:1] for one in stretch[:1]]
                  for name, text in texts.items() if name == text["prompt"] + " reference" and readings[name] != "?"}
    # A reference is read for itself: nothing stands beside it.
    labels = [label(text, readings[name], [] if name in references else references.get(text["prompt"] + " reference", []))
              for name, text in texts.items() if readings[name] != "?"]
    return [{**one, "half": infix[1:]} for one in labels] if infix else labels


def describe(half, labels, undecided):
    kinds = collections.Counter(one["right"][0]["kind"] for one in labels)
    hard = sum(one["hard_negative"] for one in labels)
    told = ", ".join(f"{kind} {number}" for kind, number in kinds.most_common())
    print(f"{half}: {len(labels)} labelled, {undecided} undecided in its set; {told}; "
          f"{len(labels) - kinds['none']} onsets, {hard} hard negatives ({100 * hard / len(labels):.1f} %)")


def main():
    for infix in INFIXES:
        labels = labels_of(infix)
        lines = [json.dumps(one, separators=(",", ":")) + "\n" for one in labels]
        (HERE / f"labels{infix}.jsonl").write_text("".join(lines), encoding="utf-8")
        undecided = list(json.loads(read(f"readings{infix}.json")).values()).count("?")
        for half in sorted({one["half"] for one in labels}):
            describe(half, [one for one in labels if one["half"] == half], undecided)


if __name__ == "__main__":
    main()
