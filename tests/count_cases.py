"""Prints the closing line of a test run, `N passed, N failed, N skipped`, and exits with 0 only when all is well.

    count_cases.py REPORT.xml CTEST_STATUS

One ctest test may hold many cases (a Catch2 program, a unittest file): it says how many in a line `cases: N passed, N
failed, N skipped`. A test without that line counts as one; it is skipped where it ends with its SKIP_RETURN_CODE.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

CASES = re.compile(r"^cases: (\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)


def is_skipped(test):
    """Whether it chose to be: ctest says the same of a program that is not there, in other words."""
    told = test.find("skipped")
    return told is not None and (told.get("message") or "").startswith("SKIP_RETURN_CODE")


def counts_of(test):
    """(passed, failed, skipped) of one <testcase>. A program that died after its tests has failed once more."""
    if is_skipped(test):
        return 0, 0, 1
    ok = test.get("status") == "run"
    lines = CASES.findall(test.findtext("system-out") or "")
    passed, failed, skipped = (sum(int(line[i]) for line in lines) for i in range(3))
    if not lines and test.get("status") in ("run", "disabled"):
        passed, skipped = int(ok), int(not ok)
    if not ok and test.get("status") != "disabled" and failed == 0:
        failed = 1
    return passed, failed, skipped


def main(report, ctest_status):
    tests = list(ElementTree.parse(report).iter("testcase")) if Path(report).exists() else []
    counts = [counts_of(test) for test in tests] or [(0, 0, 0)]
    passed, failed, skipped = map(sum, zip(*counts))
    for test in filter(is_skipped, tests):
        print(f"{test.get('name')}: {(test.findtext('system-out') or '').strip()}", file=sys.stderr)
    if passed + failed == 0:
        print("no test ran", file=sys.stderr)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0 or passed == 0 or ctest_status != "0")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
