"""Tokenizers: ids, decoded text and streamed text against the `tokenizers` package, and the Unicode class tables.

SmolLM2's tokenizer, and one of each kind that build_tokenizers.py of the fixtures trains, here on more text; then the
components one by one, as the fixtures have them, on fresh strings. Decoded are the ids of the strings, and ids in any
order, most of which make no UTF-8. Every comparison is for equality."""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests/harness/text"))

import build_tokenizers  # noqa: E402
import component_tokenizers  # noqa: E402
import sample_strings  # noqa: E402
from drawn_texts import drawn_texts  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

from common import smollm2  # noqa: E402

PEER = "tokenizers 0.23.3"
AT_ONCE = 20_000  # texts; what the peer makes of a batch is large
VOCABULARY = 4_000


def corpus(seed):
    opticks = (TREE / "scenarios/prompts/newton-opticks.txt").read_text().split("\n\n")
    return opticks + sample_strings.PROSE * 20 + sample_strings.strings(3000, seed)


def broken_ids(tokenizer):
    """Of tokens that are no UTF-8 alone."""
    each = [[i] for i in range(tokenizer.get_vocab_size())]
    texts = tokenizer.decode_batch(each, skip_special_tokens=False)
    return [i for i, text in enumerate(texts) if "\ufffd" in text] or [0]


def drawn_lists(tokenizer, rng, count):
    """Ids in any order, some of no token; every other list mostly of tokens that are no UTF-8 alone."""
    every = range(tokenizer.get_vocab_size() + 2)
    pools = [every, broken_ids(tokenizer)]
    lists = [rng.choices(pools[i % 2], k=1 + int(rng.random() * 15)) for i in range(count)]
    for ids in lists[1::2]:
        ids[int(rng.random() * len(ids))] = rng.choice(every)
    return lists


def as_lists(ids, lengths):
    ids, out, begin = ids.tolist(), [], 0
    for length in lengths.tolist():
        out.append(ids[begin:begin + length])
        begin += length
    return out


def count(parity, what, given, theirs, ours):
    row = parity.row(PEER, what)
    row.compared += len(theirs)
    for given_one, their_one, our_one in zip(given, theirs, ours, strict=True):
        if their_one == our_one:
            continue
        row.differing += 1
        if not row.note:
            row.note = f"first: {given_one!r}"[:200]
            print(f"parity: tokenizer: {what}: {given_one!r}\n  peer   {their_one!r}\n  kvdiff {our_one!r}", file=sys.stderr)


def count_decoded(parity, name, given, theirs, answer):
    whole, streamed = answer["whole"], dict(answer["streamed"])
    count(parity, f"{name}: decoded text", given, theirs, whole)
    count(parity, f"{name}: text streamed token by token", given, theirs,
          [streamed.get(str(i), text) for i, text in enumerate(whole)])


def compare(parity, name, tokenizer, texts, lists):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "tokenizer.json"
        file.write_text(tokenizer.to_str())
        for i, begin in enumerate(range(0, len(texts), AT_ONCE)):
            part, special = texts[begin:begin + AT_ONCE], i % 2 == 0
            given = lists if begin == 0 else []
            job = {"id": "x", "file": str(file), "texts": part, "special": special, "lists": given}
            results, tensors = parity.ask("tokenizer", [job])
            if "error" in results[0]:
                raise RuntimeError(f"{name}: {results[0]['error']}")
            theirs = [one.ids for one in tokenizer.encode_batch_fast(part, add_special_tokens=special)]
            count(parity, f"{name}: ids", part, theirs, as_lists(tensors["x.ids"], tensors["x.lengths"]))
            count_decoded(parity, name, part, tokenizer.decode_batch(theirs, skip_special_tokens=special), results[0]["texts"])
            count_decoded(parity, name, given, tokenizer.decode_batch(given, skip_special_tokens=special), results[0]["lists"])


def compare_components(parity, texts, rng):
    """As the fixtures do it with 8 strings each; in one call, so the peer must not be asked for special tokens."""
    components = [(name, json.dumps(data)) for name, data in component_tokenizers.all_components()]
    each = 2000 if parity.full else 100
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for i, (_, data) in enumerate(components):
            file = pathlib.Path(folder) / f"{i}.json"
            file.write_text(data)
            lists = drawn_lists(Tokenizer.from_str(data), rng, each)
            jobs.append({"id": str(i), "file": str(file), "texts": [text[:60] for text in rng.sample(texts, each)],
                         "special": False, "lists": lists})
        results, tensors = parity.ask("tokenizer", jobs)
    for (name, data), job, result in zip(components, jobs, results, strict=True):
        tokenizer, kind = Tokenizer.from_str(data), "decoder" if name == "no decoder" else name.split()[0]
        if "error" in result:
            raise RuntimeError(f"{name}: {result['error']}")
        theirs = [one.ids for one in tokenizer.encode_batch_fast(job["texts"], add_special_tokens=False)]
        count(parity, f"components: {kind}: ids", job["texts"], theirs, as_lists(tensors[job["id"] + ".ids"], tensors[job["id"] + ".lengths"]))
        if kind == "decoder":
            count_decoded(parity, "components: decoder", job["lists"],
                          tokenizer.decode_batch(job["lists"], skip_special_tokens=False), result["lists"])


class ClassTables:
    """The committed class tables, generated again meanwhile."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        script = TREE / "harness/text/generate_unicode_classes.py"
        self.process = subprocess.Popen([sys.executable, script, self.folder.name])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def compare(self, parity):
        if self.process.wait() != 0:
            raise RuntimeError("generate_unicode_classes.py failed")
        row = parity.row(PEER, "class tables: lines as generated again")
        for name in ("unicode_categories.cpp", "unicode_properties.cpp"):
            theirs = (pathlib.Path(self.folder.name) / name).read_text().splitlines()
            ours = (TREE / "harness/text" / name).read_text().splitlines()
            row.compared += len(theirs)
            row.differing += abs(len(theirs) - len(ours)) + sum(a != b for a, b in zip(theirs, ours))


def run(parity):
    seed = int(parity.random("texts").integers(2**31))
    rng = random.Random(seed)
    texts = drawn_texts(1_000_000 if parity.full else 200_000, seed)
    kinds = build_tokenizers.all_kinds(corpus(seed), VOCABULARY)
    with ClassTables() as tables:
        smollm = Tokenizer.from_file(str(smollm2() / "tokenizer.json"))
        compare(parity, "SmolLM2", smollm, texts, drawn_lists(smollm, rng, 20_000))
        for name, tokenizer in kinds.items():
            part = texts if parity.full else rng.sample(texts, len(texts) // 2)
            compare(parity, f"{name} kind", tokenizer, part, drawn_lists(tokenizer, rng, 10_000))
        compare_components(parity, texts, rng)
        tables.compare(parity)
