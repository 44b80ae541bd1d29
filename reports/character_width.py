#!/usr/bin/env python3
"""Writes the tables of character_width.cpp from the Unicode data of the Python that runs it.

    python3 reports/character_width.py > reports/character_width_tables.inc
"""
import unicodedata

ASSIGNED = [c for c in range(0x110000) if unicodedata.category(chr(c)) != "Cn"]


def ranges(characters, joined_by):
    """Sorted code points as closed ranges; unassigned gaps do not split a range."""
    result = []
    for c in characters:
        if result and all(unicodedata.category(chr(g)) == "Cn" for g in range(result[-1][1] + 1, min(c, result[-1][1] + joined_by))) \
                and c - result[-1][1] <= joined_by:
            result[-1][1] = c
        else:
            result.append([c, c])
    return result


def show(name, what, rows):
    print(f"// {what}\nconstexpr Range {name}[] = {{")
    line = "   "
    for first, last in rows:
        cell = f" {{0x{first:x}, 0x{last:x}}},"
        if len(line) + len(cell) > 118:
            print(line)
            line = "   "
        line += cell
    print(line + "\n};")


def is_zero_width(c):
    return unicodedata.category(chr(c)) in ("Mn", "Me", "Cf") and c != 0xAD or 0x1160 <= c <= 0x11FF


def is_wide(c):
    return unicodedata.east_asian_width(chr(c)) in ("W", "F") and not is_zero_width(c)


wide = [r for r in ranges([c for c in ASSIGNED if is_wide(c)], 16) if r[0] < 0x20000] + [[0x20000, 0x3FFFD]]
print(f"// Written by character_width.py from Unicode {unicodedata.unidata_version}.")
show("zero_width", "Combining marks, format characters, conjoining vowels and finals of Hangul.",
     ranges([c for c in ASSIGNED if is_zero_width(c)], 16))
show("wide", "East Asian Width W and F.", wide)
