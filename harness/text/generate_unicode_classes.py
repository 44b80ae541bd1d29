#!/usr/bin/env python3
"""Writes unicode_categories.cpp and unicode_properties.cpp: the Unicode classes as the `tokenizers` package has them.

    python3 harness/text/generate_unicode_classes.py [FOLDER]

Every code point is put to the installed package itself, because its parts carry tables of different Unicode versions:
the regular expressions of Split and Replace are Oniguruma's; Digits, Whitespace, WhitespaceSplit, Punctuation, Lowercase
are Rust's; NFC and its sisters and StripAccents are those of an old normalization crate.
"""
import pathlib
import sys
import unicodedata

import tokenizers
from tokenizers import Regex
from tokenizers.normalizers import NFC, NFD, NFKC, NFKD, Lowercase, Replace, StripAccents
from tokenizers.pre_tokenizers import Digits, Punctuation, Whitespace, WhitespaceSplit

PINNED = "0.23.3"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CATEGORIES = ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
              "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn"]
SCRIPTS = ["Arabic", "Cyrillic", "Devanagari", "Greek", "Han", "Hangul", "Hebrew", "Hiragana", "Katakana", "Latin", "Thai"]


def chunks(size):
    for start in range(0, len(CODE_POINTS), size):
        yield CODE_POINTS[start:start + size]


def erased_by(normalizer):
    """Code points that the normalizer removes from a text."""
    found = set()
    for chunk in chunks(4096):
        kept = set(normalizer.normalize_str("".join(map(chr, chunk))))
        found.update(c for c in chunk if chr(c) not in kept)
    return found


def matched_by(pattern):
    return erased_by(Replace(Regex(pattern), ""))


def pieces_between_letters(pre_tokenizer):
    """For each code point x: what became of it in 'axaya...': 'alone', 'joined' to its neighbours, or 'gone'."""
    for chunk in chunks(2048):
        text = "a" + "a".join(map(chr, chunk)) + "a"
        fate = ["gone"] * len(text)
        for _, (begin, end) in pre_tokenizer.pre_tokenize_str(text):
            for place in range(begin, end):
                fate[place] = "alone" if end - begin == 1 else "joined"
        for i, code_point in enumerate(chunk):
            yield code_point, fate[2 * i + 1]


def with_fate(pre_tokenizer, fate):
    return {c for c, f in pieces_between_letters(pre_tokenizer) if f == fate}


def each_normalized(name, form, samples):
    """Pairs: what the package makes of each sample, and what Unicode does. One call for many: a line break is inert."""
    lines = "\n".join(samples)
    return zip(form.normalize_str(lines).split("\n"), unicodedata.normalize(name, lines).split("\n"), strict=True)


def differing(name, form, code_points, sample):
    pairs = each_normalized(name, form, [sample(chr(c)) for c in code_points])
    return {c for c, (theirs, unicode) in zip(code_points, pairs) if theirs != unicode}


def require_inert(name, form, code_points):
    """The code points stand in the way of the marks around them, and stay as they are."""
    for before, after in (("", ""), ("a\u0301", "\u0323"), ("a", "\u0301")):
        before_alone, after_alone = unicodedata.normalize(name, before), unicodedata.normalize(name, after)
        for c, (theirs, _) in zip(code_points, each_normalized(name, form, [before + chr(c) + after for c in code_points])):
            if theirs != before_alone + chr(c) + after_alone:
                sys.exit(f"U+{c:04X} is neither normalized as in Unicode {unicodedata.unidata_version} nor inert")


def normalized_otherwise():
    """Code points that the package's old normalization tables do not know: it passes them through, as starters."""
    forms = [("NFC", NFC()), ("NFD", NFD()), ("NFKC", NFKC()), ("NFKD", NFKD())]
    found = set()
    for chunk in chunks(4096):
        chunk = [c for c in chunk if chr(c) != "\n"]
        other = {c for c in chunk if unicodedata.category(chr(c)) == "Cn"}
        for name, form in forms:
            other |= differing(name, form, chunk, lambda text: text)
        # The combining class shows in the order that decomposition gives to neighbours.
        for mark in "\u0301\u0323\u0334\u0345\u05b0\u302a":
            for sample in (lambda text: "a" + mark + text, lambda text: "a" + text + mark):
                other |= differing("NFD", NFD(), chunk, sample)
        for name, form in forms:
            require_inert(name, form, sorted(other))
        found |= other
    return found


def ranges(code_points):
    """Sorted [first, last] pairs; the surrogates, which no text holds, may be bridged."""
    out = []
    for c in sorted(code_points):
        if out and (c == out[-1][1] + 1 or (out[-1][1] == 0xD7FF and c == 0xE000)):
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def gaps_and_lengths(code_points):
    out, end = [], 0
    for first, last in ranges(code_points):
        out += [first - end, last - first + 1]
        end = last + 1
    return out


def lowercase_runs():
    """(first, count, step, delta): the code points first, first + step, ... go to themselves + delta."""
    mapping = {c: Lowercase().normalize_str(chr(c)) for c in CODE_POINTS}
    mapping = {c: low for c, low in mapping.items() if low != chr(c)}
    if mapping.pop(0x130) != "i\u0307" or any(len(low) != 1 for low in mapping.values()):
        sys.exit("U+0130 should be the only code point with more than one lowercase code point")
    runs = []
    for c in sorted(mapping):
        delta = ord(mapping[c]) - c
        last = runs[-1] if runs else None
        if last and last[3] == delta and last[1] == 1 and c - last[0] in (1, 2):
            last[1:3] = [2, c - last[0]]
        elif last and last[3] == delta and last[1] > 1 and c == last[0] + last[1] * last[2]:
            last[1] += 1
        else:
            runs.append([c, 1, 1, delta])
    return runs


def filled(parts):
    """The parts, in lines of at most 118 columns."""
    lines = ["   "]
    for part in parts:
        if len(lines[-1]) + len(part) + 1 > 118:
            lines.append("   ")
        lines[-1] += " " + part
    return lines


def table_file(classes, functions, runs=()):
    lines = [f"// Generated by generate_unicode_classes.py from tokenizers {tokenizers.__version__}; not edited by hand.",
             '#include "harness/text/unicode_tables.h"', "", "namespace kvdiff {", "namespace {", ""]
    for name, members in classes.items():
        numbers = [f"{number}," for number in gaps_and_lengths(members)]
        lines += [f"constexpr uint32_t {name}[] = {{", *filled(numbers), "};"]
    if runs:
        rows = ["{0x%X, %d, %d, %d}," % tuple(run) for run in runs]
        lines += ["constexpr LowercaseRun lowercase[] = {", *filled(rows), "};"]
    rows = [f'{{"{name}", {name}}},' for name in classes]
    lines += ["", "constexpr UnicodeClassTable tables[] = {", *filled(rows), "};", "", "}  // namespace", ""]
    return "\n".join(lines + functions + ["", "}  // namespace kvdiff", ""])


def category_classes():
    classes = {name: matched_by(rf"\p{{{name}}}") for name in CATEGORIES + SCRIPTS}
    if sum(len(classes[name]) for name in CATEGORIES) != len(CODE_POINTS):
        sys.exit("the general categories do not partition the code points")
    del classes["Cn"]  # unassigned: what no other category holds
    return classes


def property_classes():
    if matched_by(r"\w") - matched_by(r"[\w]") != set(map(ord, "²³¹¼½¾")):
        sys.exit("regex_escapes.cpp says which members \\w loses in brackets; it is wrong for this version")
    return {
        "regex_space": matched_by(r"\s"),
        "regex_word": matched_by(r"\w"),
        "numeric": with_fate(Digits(individual_digits=True), "alone"),
        "whitespace": with_fate(WhitespaceSplit(), "gone"),
        "punctuation": with_fate(Punctuation("isolated"), "alone"),
        "word": with_fate(Whitespace(), "joined"),
        "combining_mark": erased_by(StripAccents()),
        "normalization_inert": normalized_otherwise(),
    }


def main():
    if tokenizers.__version__ != PINNED:
        sys.exit(f"tokenizers {tokenizers.__version__} is installed, {PINNED} is pinned")
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    source = f'std::string_view unicode_tables_source() {{ return "tokenizers {tokenizers.__version__}"; }}'
    (folder / "unicode_categories.cpp").write_text(table_file(category_classes(), [
        source, "std::span<const UnicodeClassTable> unicode_category_tables() { return tables; }"]))
    (folder / "unicode_properties.cpp").write_text(table_file(property_classes(), [
        "std::span<const UnicodeClassTable> unicode_property_tables() { return tables; }",
        "std::span<const LowercaseRun> lowercase_runs() { return lowercase; }"], lowercase_runs()))


if __name__ == "__main__":
    main()
