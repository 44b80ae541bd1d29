"""Does the comparison see what is wrong? Each fault is planted into kvdiff's hqq codec (wrong_codec.h) and must be found
at the parts that it touches, and nowhere else where it leaves the others alone."""

import codecs_hqq
from arguments import FAULTS
from common import Parity

# fault: parts that must differ, parts that must not
EXPECTED = {
    "scale": ({"scales"}, {"codes", "packed bytes", "zeros"}),
    "nibbles": ({"packed bytes", "codes"}, {"scales"}),
    "truncate": ({"codes", "packed bytes", "zeros"}, {"scales"}),
    "ascending": ({"zeros"}, {"scales"}),
}


def parts_that_differ(parity, fault):
    """With the solver on; the row of the zeros has its 2 %."""
    inner = Parity(parity.program, parity.seed, False, fault)
    inner.area = "codecs"
    cases = [case for case in codecs_hqq.large_cases(inner) if case["bits"] in (2, 4)]
    codecs_hqq.run_variant(inner, cases, "portable")
    return {row.what.rsplit(": ")[-1] for row in inner.rows if not row.ok}


def run(parity):
    assert set(EXPECTED) == set(FAULTS)
    for fault, (must, must_not) in EXPECTED.items():
        found = parts_that_differ(parity, fault)
        row = parity.row("planted fault", f"{fault}: red at {', '.join(sorted(must))}; not at {', '.join(sorted(must_not))}")
        row.compared, row.differing = len(must | must_not), len(must - found) + len(must_not & found)
        row.note = f"red: {', '.join(sorted(found)) or 'nothing'}"
