"""Usage errors, help, lists and specs: everything that needs no model."""

import re
import unittest

from program import ENVIRONMENT, IO, NOTHING_TO_DO, PASSED, USAGE, kvdiff, shell

COMMANDS = ["run", "show", "compare", "tokenize", "spec", "lifecycle", "list", "doctor"]
TOPICS = ["backends", "codecs", "schedules", "metrics", "scenarios", "reports", "models"]


class Usage(unittest.TestCase):
    def check(self, arguments, code, *parts):
        done = kvdiff(*arguments)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        for part in parts:
            self.assertIn(part, done.stderr if code else done.stdout)
        if code:
            self.assertTrue(done.stderr.startswith("kvdiff: error: "), done.stderr)
        else:
            self.assertEqual(done.stderr, "")
        return done

    def test_help_names_every_command_and_every_command_has_examples(self):
        self.check(["--help"], PASSED, *COMMANDS, "Exit codes", "interrupted")
        for command in COMMANDS:
            self.check([command, "--help"], PASSED, "Examples:", f"  kvdiff {command}")

    def test_no_command_shows_the_help_and_is_a_usage_error(self):
        done = kvdiff()
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("Subcommands", done.stderr)

    def test_version(self):
        self.assertRegex(self.check(["--version"], PASSED).stdout, r"^kvdiff \d+\.\d+\.\d+ ")

    def test_unknown_words_name_the_nearest(self):
        self.check(["rnu"], USAGE, "'rnu'", "Did you mean 'run'")
        self.check(["run", "--cahce", "hqq"], USAGE, "'--cahce'", "Did you mean --cache")
        self.check(["run", "--token=5"], USAGE, "'--token=5'", "Did you mean --tokens")
        self.check(["list", "codec"], USAGE, "Did you mean 'codecs'")
        self.check(["list"], USAGE, "expected one of")
        self.check(["run", "--scenario", "smoek"], USAGE, "Did you mean 'smoke'")
        self.check(["run", "--prompt", "x", "--cache", "full", "--report", "jsno"], USAGE, "Did you mean 'json'")
        self.check(["run", "--prompt", "x", "--cache", "full", "--limit", "kld_meen=1"], USAGE, "Did you mean 'kld_mean'")

    def test_bad_values_name_the_flag_what_was_found_and_what_was_expected(self):
        self.check(["run", "--tokens", "many"], USAGE, "--tokens: found 'many', expected a whole number")
        self.check(["run", "--cache", "hqq:bits=5"], USAGE, "--cache: ", "bits")
        self.check(["run", "--mode", "loacl"], USAGE, "--mode: ", "Did you mean 'local'")
        self.check(["run", "--dtype", "int8"], USAGE, "--dtype: ")
        self.check(["run", "--top-p", "2"], USAGE, "--top-p: ")
        self.check(["run", "--tokens"], USAGE, "--tokens")
        self.check(["run", "--tokens", "5", "--tokens", "6"], USAGE, "--tokens")
        self.check(["run", "stray", "--cache", "full"], USAGE, "'stray'")
        self.check(["run", "--cache", "full", "--prompt", "a", "--chat", "b"], USAGE, "one of them only")
        self.check(["run", "--cache", "full"], USAGE, "no prompt")
        self.check(["run", "--cache", "full", "--prompt", "a", "--top-k", "5"], USAGE, "temperature")
        self.check(["run", "--cache", "full", "--prompt", "a", "--dump-steps", "1-2"], USAGE, "--dump")

    def test_nothing_to_compare_is_nothing_to_do(self):
        self.check(["run", "--prompt", "x"], NOTHING_TO_DO, "--cache")

    def test_a_device_that_is_not_there_is_refused_with_what_is_missing(self):
        self.check(["run", "--prompt", "x", "--cache", "full", "--device", "cuda:63"], ENVIRONMENT, "CUDA")
        self.check(["run", "--prompt", "x", "--cache", "full", "--device", "cuda:first"], USAGE, "--device: found 'first'")

    def test_every_list_has_lines(self):
        for topic in TOPICS:
            self.assertTrue(self.check(["list", topic], PASSED).stdout.strip(), topic)
        self.check(["list", "scenarios"], PASSED, "seed-sequence", "smoke", "long-8747")
        self.check(["list", "codecs"], PASSED, "hqq", "bits=", "default 4")
        self.check(["list", "reports"], PASSED, "console", "json")

    def test_a_spec_is_explained_in_all_three_spellings(self):
        self.check(["spec", "hqq:bits=4,group=64+0,-1@hqq:bits=8"], PASSED, "hqq")
        self.check(["spec", '{"backend": "hqq", "nbits": 4}'], PASSED, "hqq")
        self.check(["spec", "--", "-ctk", "f16", "-ctv", "f16"], PASSED)
        self.check(["spec", "hqq:bit=4"], USAGE, "Did you mean 'bits'")
        self.check(["spec"], USAGE, "expected a cache spec")

    def test_a_spec_says_whether_its_peer_raises(self):
        self.check(["spec", "hqq:axis=1", "--forecast", "49"], PASSED, "transformers 5.23 with hqq 0.2.8.post1",
                   "transformers would have raised here, at the prefill: layer 0, keys, encoded at the prefill: "
                   "RuntimeError: The size of tensor a (73) must match the size of tensor b (74)")
        self.check(["spec", "hqq:axis=1", "--forecast", "50", "--tokens", "77"], PASSED, "goes through")
        self.check(["spec", "hqq:axis=1", "--forecast", "50", "--tokens", "300"], PASSED, "goes through")
        self.check(["spec", "hqq:axis=1,residual=3", "--forecast", "50"], PASSED, "at update 3: layer 0, keys")
        self.check(["spec", "int8", "--forecast", "50"], PASSED, "none under this schedule: nothing is forecast")
        self.check(["spec", "int8", "--forecast", "0"], USAGE, "--forecast")
        self.check(["spec", "int8", "--tokens", "5"], USAGE, "--forecast")

    def test_standard_output_that_fails_is_an_io_error_and_a_closed_pipe_is_not(self):
        full = shell("kvdiff list codecs > /dev/full")
        self.assertEqual(full.returncode, IO)
        self.assertIn("No space left", full.stderr)
        piped = shell("set -o pipefail; kvdiff run --help | head -n 1")
        self.assertEqual((piped.returncode, piped.stderr), (PASSED, ""))

    def test_error_messages_hold_no_control_characters(self):
        done = kvdiff("run", "--cache", "hqq:\x1b[31m=4")
        self.assertEqual(done.returncode, USAGE)
        self.assertIsNone(re.search(r"[\x00-\x09\x0b-\x1f]", done.stderr))


if __name__ == "__main__":
    unittest.main()
