"""./x parity where it cannot compare: it must never say "equal" then. Nothing here needs the real packages."""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARITY = ROOT / "tests" / "parity"


def run(*arguments, **environment):
    return subprocess.run([sys.executable, PARITY / "parity.py", *arguments], capture_output=True, text=True,
                          env={**os.environ, **environment}, stdin=subprocess.DEVNULL)


def load(name):
    spec = importlib.util.spec_from_file_location(name, PARITY / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@unittest.skipIf(importlib.util.find_spec("hqq"), "hqq is installed here")
class WithoutPeers(unittest.TestCase):
    def test_missing_peers_are_the_environments_fault(self):
        answer = run("--seed", "1")
        self.assertEqual((answer.returncode, answer.stdout), (4, ""))
        self.assertIn("hqq: found nothing, expected 0.2.8.post1", answer.stderr)
        self.assertIn("nothing was compared", answer.stderr)

    def test_another_version_is_refused_by_name(self):
        with tempfile.TemporaryDirectory() as folder:
            info = Path(folder) / "hqq-0.2.6.dist-info"
            info.mkdir()
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hqq\nVersion: 0.2.6\n")
            answer = run("--seed", "1", PYTHONPATH=folder)
        self.assertEqual((answer.returncode, answer.stdout), (4, ""))
        self.assertIn("hqq: found 0.2.6, expected 0.2.8.post1", answer.stderr)

    def test_mistakes_are_found_before_anything_is_installed(self):
        for arguments in (["--only", "everything"], ["--seed", "soon"], ["--wrong", "sign"]):
            answer = subprocess.run([ROOT / "x", "parity", *arguments], capture_output=True, text=True)
            self.assertEqual((answer.returncode, answer.stdout), (2, ""), answer.stderr)


class Lists(unittest.TestCase):
    def test_each_area_is_a_file_and_each_file_an_area(self):
        sys.path.insert(0, str(PARITY))
        areas = load("arguments").AREAS
        self.assertEqual({f"area_{name}.py" for name in areas}, {path.name for path in PARITY.glob("area_*.py")})

    def test_each_fixture_is_made_again_by_the_run(self):
        listed = {fixture for _, _, fixture in load("area_fixtures").FIXTURES}
        scripts = {script for script, _, _ in load("area_fixtures").FIXTURES}
        for name in listed | scripts:
            self.assertTrue((ROOT / "tests" / name).is_file(), name)
        made = {str(path.relative_to(ROOT / "tests")) for path in (ROOT / "tests" / "cache_backends").rglob("fixtures/*")
                if not path.name.endswith((".py", ".md")) and not path.name.startswith(".")}
        self.assertEqual(made - listed, set(load("area_fixtures").OTHER_VERSIONS))

    def test_pins_agree_with_the_lock(self):
        lock = "".join((ROOT / "third_party" / name).read_text() for name in ("peers.lock", "peers_source.lock"))
        pinned = dict(re.findall(r"^([a-z0-9-]+)==([^ \\\n]+)", lock, re.MULTILINE))
        for package, version in load("parity").PINNED.items():
            self.assertEqual(pinned[package], version, package)

    def test_fixtures_stay_small(self):
        size = sum(path.stat().st_size for path in (ROOT / "tests").rglob("fixtures/*") if path.is_file())
        self.assertLess(size, 8_000_000)


if __name__ == "__main__":
    unittest.main()
