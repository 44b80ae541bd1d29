"""The README's commands are run as they stand there, its links and its tables are followed."""

import os
import re
import shlex
import tempfile
import unittest
from pathlib import Path

from program import kvdiff

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
MODEL = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kvdiff/models/SmolLM2-135M-Instruct"


def shell_lines():
    blocks = re.findall(r"```sh\n(.*?)```", README, re.S)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


class Readme(unittest.TestCase):
    def test_commands_of_the_program_succeed(self):
        if not MODEL.is_dir():
            self.skipTest("the model is not there: ./x model makes it")
        lines = [line for line in shell_lines() if line.startswith("build/kvdiff ")]
        self.assertGreater(len(lines), 8)
        with tempfile.TemporaryDirectory() as folder:
            for line in lines:
                with self.subTest(line):
                    done = kvdiff(*shlex.split(line)[1:], folder=folder)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    self.assertTrue(done.stdout)

    def test_commands_of_the_front_door_exist(self):
        rows = (ROOT / "x").read_text()
        for line in shell_lines() + re.findall(r"`(\./x \w+)", README):
            if line.startswith("./x "):
                self.assertRegex(rows, rf'"{line.split()[1]} +\|')

    def test_links_and_files_exist(self):
        for target in re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r"`((?:\w+/)+\w+\.(?:cpp|h))`", README):
            if "NAME" not in target:
                self.assertTrue((ROOT / target).exists(), target)

    def test_the_demo_shown_is_the_demo_that_runs(self):
        demo = re.search(r"```\nMEASURED.*?```", README, re.S).group(0)
        for part in ("reference (full)", "control (full)", "hqq:bits=4,group=64,residual=128", "int8", "hqq:bits=2,group=64"):
            self.assertIn(part, demo)


if __name__ == "__main__":
    unittest.main()
