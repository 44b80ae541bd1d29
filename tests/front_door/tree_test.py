"""Rules of the tree that a text search can hold."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND_LINE = ["harness/main.cpp"]  # sees all, and is seen by nothing else
ROOMS = ["cache_backends", "scenarios", "harness", "reports"]  # each may include itself and what stands to its left
TOP = {"CMakeLists.txt", "CMakePresets.json", "README.md", "x", "third_party", "tests", *ROOMS}
CODE = {".cpp", ".h", ".cu", ".cuh", ".py", ".sh", ".cmake"}


def tracked():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    return [ROOT / name for name in names.stdout.splitlines() if (ROOT / name).is_file()]


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


@unittest.skipUnless(tracked(), "not a git checkout")
class Tree(unittest.TestCase):
    def assert_none(self, found):
        self.assertEqual(found, [], "\n" + "\n".join(map(str, found)))

    def test_includes_point_to_the_left(self):
        wrong, seen = [], 0
        for path in tracked():
            place = str(path.relative_to(ROOT))
            room = place.split("/")[0]
            if room not in ROOMS or path.suffix not in CODE or place.startswith(tuple(COMMAND_LINE)):
                continue
            forbidden = (*(f"{right}/" for right in ROOMS[ROOMS.index(room) + 1:]), "tests/", ".", *COMMAND_LINE)
            for name in re.findall(r'^\s*#\s*include\s+["<]([^">]+)', text_of(path), re.MULTILINE):
                seen += 1
                if name.startswith(forbidden):
                    wrong.append(f"{place} includes {name}")
        self.assertGreater(seen, 20)
        self.assert_none(wrong)

    def test_a_diagnosis_never_sees_the_planted_faults(self):
        """It knows the spec and KvCache's interface: nothing that it includes, however far away, is of cache_backends/faults."""
        to_read = [path for room in ("diagnose", "audit") for path in (ROOT / "harness" / room).iterdir() if path.suffix in CODE]
        seen = set()
        while to_read:
            path = to_read.pop()
            if path in seen or not path.is_file():
                continue
            seen.add(path)
            to_read += [ROOT / name for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text_of(path), re.MULTILINE)]
        self.assertGreater(len(seen), 100)
        self.assert_none([str(path) for path in seen if "cache_backends/faults" in str(path)])

    def test_no_path_of_one_machine_and_no_registry(self):
        leak = re.compile(r"(?<![\w.])/(?:root|home/\w+|work|farm|opt)/|(?:pypi|pythonhosted|debian|ubuntu)\.(?:org|com)")
        # by_hand*.json: made-up logs and error messages, which may name made-up homes
        paths = [path for path in tracked() if path.suffix != ".lock" and not path.name.startswith("by_hand") and path != Path(__file__).resolve()]
        self.assert_none([f"{path.relative_to(ROOT)}: {match.group()}" for path in paths
                          for match in [leak.search(text_of(path))] if match])

    def test_files_hold_one_thing(self):
        code = [path for path in tracked() if path.suffix in CODE or path == ROOT / "x"]
        self.assert_none([str(path.relative_to(ROOT)) for path in code if text_of(path).count("\n") > 400])

    def test_the_top_level_is_the_map(self):
        top = {path.relative_to(ROOT).parts[0] for path in tracked()}
        self.assert_none(sorted(name for name in top - TOP if not name.startswith(".")))


if __name__ == "__main__":
    unittest.main()
