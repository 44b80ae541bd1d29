"""kvdiff lifecycle: what it prints, and exit codes."""

import unittest

from program import PASSED, USAGE, kvdiff

UNSOUND = 8
OPERATIONS = ["fork, the copy goes on", "deep copy", "shallow copy", "two continuations interleaved", "crop",
              "crop to zero", "reset", "save and restore", "reorder"]


class Lifecycle(unittest.TestCase):
    def run_lifecycle(self, code, *arguments):
        done = kvdiff("lifecycle", *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_a_sound_cache_passes(self):
        out = self.run_lifecycle(PASSED, "--cache", "hqq:residual=8", "--cache", "k=int8/v=full", "--tokens", "10").stdout
        for operation in OPERATIONS:
            self.assertRegex(out, rf"(?m)^  {operation} +same bits$")
        self.assertIn("int8", out)
        self.assertIn("Handling is sound", out)

    def test_a_planted_fault_is_caught_placed_and_named(self):
        out = self.run_lifecycle(UNSOUND, "--cache", "hqq:residual=16", "--fault", "copy.copy", "--tokens", "10").stdout
        self.assertRegex(out, r"shallow copy +differs at update \d+, layer 0, keys \(B = 1, prompt 1\)")
        self.assertRegex(out, r"(?m)^  crop +same bits$")
        self.assertIn("fails as copy.copy (transformers 4.41 to 5.23)", out)
        self.assertNotIn("Handling is sound", out)

    def test_bad_words_are_usage_errors(self):
        for arguments, part in ((["--cache", "hqq:bit=4"], "Did you mean 'bits'"), (["--cache", ""], "--cache"),
                                (["--fault", "copycopy"], "Did you mean 'copy.copy'"), (["--tokens", "1"], "--tokens"),
                                (["stray"], "stray")):
            self.assertIn(part, self.run_lifecycle(USAGE, *arguments).stderr)

    def test_help_says_what_is_left_out_and_lists_the_faults(self):
        out = self.run_lifecycle(PASSED, "--help").stdout
        for part in ("restore-residual-alone", "reset-keeps-codes", "  kvdiff lifecycle --cache", "Exit codes"):
            self.assertIn(part, out)


if __name__ == "__main__":
    unittest.main()
