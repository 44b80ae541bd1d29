"""./x as a person meets it. Nothing here builds or downloads."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def x(*arguments, program=ROOT / "x", folder=ROOT, environment=None):
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(environment or {})})


class Commands(unittest.TestCase):
    def test_help_lists_every_command_with_an_example(self):
        functions = re.findall(r"^cmd_(\w+)\(\)", (ROOT / "x").read_text(), re.MULTILINE)
        self.assertGreaterEqual(len(functions), 8)
        answer = x("help")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        for name in functions:
            self.assertRegex(answer.stdout, rf"(?m)^  {name}\b")
            self.assertRegex(answer.stdout, rf"\./x {name}\b")
        self.assertEqual(len(re.findall("e\\.g\\.", answer.stdout)), len(functions))

    def test_no_command_and_dashes_mean_help(self):
        expected = x("help").stdout
        for arguments in ([], ["--help"], ["-h"]):
            self.assertEqual(x(*arguments).stdout, expected)

    def test_an_unknown_command_is_a_usage_error_that_names_the_nearest(self):
        for wrong, right in (("bulid", "build"), ("tests", "test"), ("modle", "model"), ("fuz", "fuzz")):
            answer = x(wrong)
            self.assertEqual(answer.returncode, 2)
            self.assertIn(f"./x {right}", answer.stderr)
            self.assertEqual(answer.stdout, "")

    def test_a_wrong_argument_is_a_usage_error_before_anything_is_done(self):
        for arguments in (["build", "--preset", "fast"], ["test", "--preset"], ["fuzz", "--seconds", "soon"],
                          ["fuzz", "--seconds"], ["build", "--cuda", "--preset", "asan"],
                          ["build", "--preset", "tsan", "--cuda"], ["model", "smollm3"], ["lint", "--everything"]):
            answer = x(*arguments)
            self.assertEqual(answer.returncode, 2, arguments)
            self.assertEqual(len(answer.stderr.splitlines()), 1, answer.stderr)

    def test_kernels_for_gpus_without_a_compiler_for_them_are_the_environments_fault(self):
        with tempfile.TemporaryDirectory() as folder:
            nvcc = Path(folder) / "nvcc"
            nvcc.write_text("#!/bin/sh\necho 'Cuda compilation tools, release 12.2, V12.2.140'\n")
            nvcc.chmod(0o755)
            answer = x("build", "--cuda", environment={"PATH": f"{folder}:{os.environ['PATH']}"})
        self.assertEqual((answer.returncode, answer.stdout), (4, ""))
        self.assertIn("is of CUDA 12.2.140, and 12.8 or newer is needed", answer.stderr)
        self.assertEqual(len(answer.stderr.splitlines()), 1, answer.stderr)

    def test_works_from_any_folder_through_links(self):
        with tempfile.TemporaryDirectory() as folder:
            first, second = Path(folder) / "first", Path(folder) / "second link"
            first.symlink_to(ROOT / "x")
            second.symlink_to("first")
            answer = x("help", program=second, folder=folder)
            self.assertEqual((answer.returncode, answer.stdout), (0, x("help").stdout))

    def test_continuous_integration_runs_the_front_door(self):
        script = ROOT / ".ci" / "run"
        self.assertTrue(os.access(script, os.X_OK))
        self.assertRegex(script.read_text(), r'exec .*/\.\./x" test\n$')


if __name__ == "__main__":
    unittest.main()
