"""Strings that a tokenizer may stumble over, by kind, drawn from a seed: the mixture of the fixtures
(tests/harness/text/sample_strings.py), and each danger alone and at length."""

import pathlib
import random
import unicodedata

import sample_strings

TREE = pathlib.Path(__file__).resolve().parents[2]
CODE_SUFFIXES = {".cpp", ".h", ".py", ".json", ".md", ".sh", ".cmake", ".txt"}
VALID = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def by_category():
    found = {}
    for c in VALID:
        found.setdefault(unicodedata.category(chr(c)), []).append(chr(c))
    return found


CATEGORIES = by_category()
SPACES = CATEGORIES["Zs"] + CATEGORIES["Zl"] + CATEGORIES["Zp"] + list("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u200b\u180e\ufeff\u2060")
MARKS = CATEGORIES["Mn"] + CATEGORIES["Mc"] + CATEGORIES["Me"]
CONTROLS = CATEGORIES["Cc"] + CATEGORIES["Cf"]
LETTERS = CATEGORIES["Lu"] + CATEGORIES["Ll"] + CATEGORIES["Lt"] + CATEGORIES["Lm"]
BASES = LETTERS + ["\u1112", "\uac00", " "] * 100
NUMBERS = CATEGORIES["Nd"] + CATEGORIES["Nl"] + CATEGORIES["No"]
EMOJI = [chr(c) for first, last in ((0x1F300, 0x1F650), (0x1F680, 0x1F700), (0x1F900, 0x1FAFF), (0x2600, 0x27C0)) for c in range(first, last)]


def some(rng, characters, most, least=1):
    return "".join(rng.choices(characters, k=rng.randrange(least, most + 1)))


def code_files():
    folders = ("cache_backends", "harness", "reports", "scenarios", "tests")
    files = sorted(p for folder in folders for p in (TREE / folder).rglob("*") if p.suffix in CODE_SUFFIXES and p.is_file())
    return [p.read_text(encoding="utf-8", errors="replace")[:60_000] for p in files]


CODE = code_files()


def code(rng):
    text = rng.choice(CODE)
    start = rng.randrange(max(1, len(text)))
    return text[start:start + rng.randrange(1, 300)]


def emoji(rng):
    def one():
        base = rng.choice(EMOJI)
        return rng.choice([base, base + "\ufe0f", base + "\ufe0e", base + chr(0x1F3FB + rng.randrange(5)), "\u200d".join(rng.choices(EMOJI, k=3)),
                           some(rng, [chr(0x1F1E6 + i) for i in range(26)], 4), rng.choice("0123456789#*") + "\ufe0f\u20e3",
                           "\U0001F3F4" + some(rng, [chr(c) for c in range(0xE0020, 0xE0080)], 6)])
    return rng.choice(["", " ", "ok "]).join(one() for _ in range(rng.randrange(1, 8)))


def marks(rng):
    return "".join(rng.choice(BASES) + some(rng, MARKS, rng.choice([1, 3, 12]), 0)
                   for _ in range(rng.randrange(1, 10)))


def hangul(rng):
    return "".join(rng.choice([chr(rng.randrange(0x1100, 0x1200)), chr(rng.randrange(0xAC00, 0xD7A4)), chr(rng.randrange(0xD7B0, 0xD7FC)),
                               chr(rng.randrange(0x11A8, 0x11C3)), chr(rng.randrange(0x3130, 0x3190))]) for _ in range(rng.randrange(1, 24)))


def controls(rng):
    return "".join(rng.choice([some(rng, CONTROLS, 3), sample_strings.word(rng), " ", sample_strings.number(rng)]) for _ in range(rng.randrange(1, 9)))


def specials(rng):
    return "".join(rng.choice([rng.choice(sample_strings.SPECIALS), rng.choice(sample_strings.SPECIALS), some(rng, SPACES, 2), sample_strings.word(rng),
                               rng.choice("<|>[]s/") * rng.randrange(1, 3)]) for _ in range(rng.randrange(1, 12)))


def long_word(rng):
    alphabet = rng.choice([list("etaoinshrdlu"), ["a"], ["0", "1"], ["é", "e", "\u0301"], CATEGORIES["Lo"], [chr(c) for c in range(0x4E00, 0x5000)],
                           [chr(c) for c in range(0x430, 0x450)], list("ACGT"), ["\u0e01", "\u0e34", "\u0e48"], ["-", "="], CATEGORIES["Nd"]])
    return "".join(rng.choices(alphabet, k=rng.choice([100, 400, 1000, 4000])))


def spaces(rng):
    return "".join(rng.choice([some(rng, SPACES, 6), some(rng, " \n\t\r", 9), rng.choice("a9.'é漢")]) for _ in range(rng.randrange(1, 8)))


def category(rng):
    return some(rng, CATEGORIES[rng.choice(sorted(CATEGORIES))], 16)


def any_code_points(rng):
    return "".join(map(chr, rng.choices(VALID, k=rng.randrange(1, 40))))


def decoded_bytes(rng):
    data = bytearray(rng.randbytes(rng.randrange(1, 60)) if rng.random() < 0.5 else sample_strings.draw(rng).encode())
    for _ in range(rng.randrange(1, 5)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data).decode(rng.choice(["utf-8", "latin-1", "utf-16-le"]), errors=rng.choice(["replace", "ignore", "backslashreplace"]))


def numbers(rng):
    return "".join(rng.choice([sample_strings.number(rng), rng.choice(".,:/+-eE%$€ "), some(rng, NUMBERS, 6)])
                   for _ in range(rng.randrange(1, 10)))


# kind: how it is drawn, and its share
KINDS = {
    "mixture": (sample_strings.draw, 30), "prose": (lambda rng: sample_strings.slice_of_prose(rng), 8), "code": (code, 10), "emoji": (emoji, 8),
    "marks": (marks, 8), "hangul": (hangul, 3), "controls": (controls, 5), "specials": (specials, 8), "long words": (long_word, 0.5),
    "spaces": (spaces, 7), "one category": (category, 8), "any code points": (any_code_points, 5), "decoded bytes": (decoded_bytes, 5),
    "numbers": (numbers, 5),
}


def joined(rng, texts):
    """The beginning of one and the end of another: what meets where words, scripts and kinds change."""
    left, right = rng.choice(texts), rng.choice(texts)
    return left[:int(rng.random() * (len(left) + 1))][:2000] + right[int(rng.random() * (len(right) + 1)):][:2000]


def drawn_texts(count, seed):
    """`count` different strings: the fixed ones of sample_strings, a fifth drawn by kind, the rest joined of these."""
    rng = random.Random(seed)
    out = dict.fromkeys(sample_strings.strings(100, seed))
    makers, weights = zip(*KINDS.values())
    while len(out) < count // 5:
        for maker in rng.choices(makers, weights, k=1000):
            out[maker(rng)] = None
    drawn = list(out)
    while len(out) < count:
        out[joined(rng, drawn)] = None
    return rng.sample(list(out), count)
