#!/usr/bin/env python3
"""Writes golden/tokenizers.json and golden/components.json: what the `tokenizers` package makes of some strings.

    python3 tests/harness/text/make_tokenizer_fixtures.py
"""
import json
import pathlib
import random
import sys

import tokenizers
from tokenizers import Tokenizer

import build_tokenizers
import component_tokenizers
import sample_strings

PINNED = "0.23.3"
SEED = 20261123
LONGEST = 240  # characters of a string, so that the files stay small


def sample(count):
    return [text[:LONGEST] for text in sample_strings.strings(count, SEED)]


def case(tokenizer, text, add_special_tokens):
    """[ids, decoded text or null where that is the string itself]"""
    ids = tokenizer.encode(text, add_special_tokens=add_special_tokens).ids
    decoded = tokenizer.decode(ids, skip_special_tokens=add_special_tokens)
    return [ids, None if decoded == text else decoded]


def decodings(tokenizer, rng, count):
    """Ids in any order, some of no token: most make broken UTF-8."""
    lists = [[rng.randrange(tokenizer.get_vocab_size() + 2) for _ in range(rng.randrange(1, 12))] for _ in range(count)]
    return [[ids, tokenizer.decode(ids, skip_special_tokens=False)] for ids in lists]


def with_old_merges(data):
    """The spelling of older files: "a b"."""
    data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
    return data


def golden_tokenizers(strings):
    corpus = sample_strings.PROSE * 3 + sample_strings.strings(1000, SEED + 1)
    out = {}
    for i, (name, tokenizer) in enumerate(build_tokenizers.all_kinds(corpus, 700).items()):
        data = json.loads(tokenizer.to_str())
        old = i % 2 == 1 and not any(" " in token for pair in data["model"]["merges"] for token in pair)
        out[name] = {"tokenizer": with_old_merges(data) if old else data,
                     "cases": [case(tokenizer, text, j % 2 == 1) for j, text in enumerate(strings)],
                     "decodings": decodings(tokenizer, random.Random(SEED + i), 60)}
    return out


def golden_components():
    rng = random.Random(SEED)
    strings = [text[:28] for text in sample(400)]
    out = []
    for name, data in component_tokenizers.all_components():
        tokenizer = Tokenizer.from_str(json.dumps(data))
        texts = rng.sample(strings, 8)
        slim = {key: value for key, value in data.items() if key not in ("model", "version") and value}
        out.append({"name": name, "tokenizer": slim, "cases": [[text, tokenizer.encode(text).ids] for text in texts],
                    "decodings": decodings(tokenizer, rng, 12) if "decoder" in name else []})
    return {"model": component_tokenizers.tokenizer()["model"], "components": out}


def write(name, golden):
    made_by = {"made_by": f"make_tokenizer_fixtures.py, tokenizers {PINNED}, seed {SEED}"}
    target = pathlib.Path(__file__).parent / "golden" / name
    target.parent.mkdir(exist_ok=True)
    text = json.dumps({**made_by, **golden}, ensure_ascii=True, separators=(",", ":"))
    target.write_text(text.replace('},{"name"', '},\n{"name"').replace('"cases":', '\n"cases":') + "\n")


def main():
    if tokenizers.__version__ != PINNED:
        sys.exit(f"tokenizers {tokenizers.__version__} is installed, {PINNED} is pinned")
    strings = sample(320)
    write("tokenizers.json", {"strings": strings, "tokenizers": golden_tokenizers(strings)})
    write("components.json", golden_components())


if __name__ == "__main__":
    main()
