"""Scenarios and plans from the command line: everything before a model is run."""

import json
import tempfile
import unittest
from pathlib import Path

from program import NOTHING_TO_DO, PASSED, USAGE, kvdiff, shell


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip().startswith("kvdiff run ")]


class Scenarios(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)
        self.no_model = {"XDG_CACHE_HOME": str(self.folder)}  # plans are made and listed without one

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, **keys):
        file = self.folder / "mine.json"
        file.write_text(json.dumps({"schema": "kvdiff.scenario/1", **keys}))
        return str(file)

    def test_shipped_scenarios_list_their_cases_from_any_folder(self):
        for name, candidates in [("smoke", 4), ("seed-sequence", 16), ("long-8747", 6)]:
            done = kvdiff("run", "--scenario", name, "--list-cases", folder=self.folder, environment=self.no_model)
            self.assertEqual(done.returncode, PASSED, done.stderr)
            self.assertEqual(len(lines(done.stdout)), 1 + candidates, done.stdout)
            self.assertIn("memory and time not known: ", done.stdout)

    def test_a_printed_line_pastes_into_a_shell_and_lists_itself(self):
        prompt = "It's \"quoted\": $HOME `id` \\ 雪\n\tnext line; #!"
        done = kvdiff("run", "--chat", prompt, "--system", "", "--cache", "k=int8/v=hqq:bits=4+0,-1@full",
                      "--cache", "hqq:bits=2", "--temperature", "0.3", "--top-p", "0.9", "--seed", "7", "--ignore-eos",
                      "--mode", "free,local", "--limit", "kld_mean=1e-3", "--list-cases", environment=self.no_model)
        self.assertEqual(done.returncode, PASSED, done.stderr)
        printed = lines(done.stdout)
        self.assertEqual(len(printed), 3)
        for line in printed:
            again = shell(f"{line} --list-cases", environment=self.no_model)
            self.assertEqual(again.returncode, PASSED, again.stderr)
            self.assertEqual(lines(again.stdout)[0], line)

    def test_flags_override_a_scenario(self):
        file = self.write(tokens=5, cache=["full"], prompts=[{"prompt": "a"}, {"prompt": "b"}])
        self.assertEqual(len(lines(kvdiff("run", "--scenario", file, "--list-cases", environment=self.no_model).stdout)), 4)
        done = kvdiff("run", "--scenario", file, "--tokens", "9", "--prompt", "c", "--cache", "int8", "--list-cases",
                      environment=self.no_model)
        self.assertEqual(len(lines(done.stdout)), 3)
        self.assertIn("--prompt c --cache full --cache int8 --tokens 9", done.stdout)

    def test_a_matrix_leaves_out_what_no_codec_offers_and_says_why(self):
        file = self.write(prompts=[{"prompt": "a"}], cache=[{"codec": "hqq", "bits": [4, 5]}])
        done = kvdiff("run", "--scenario", file, "--list-cases", environment=self.no_model)
        self.assertEqual(len(lines(done.stdout)), 2)
        self.assertIn("hqq:bits=5", done.stdout)

    def test_a_bad_scenario_names_file_place_and_nearest(self):
        for keys, code, parts in [
            ({"tokns": 5}, USAGE, ["mine.json", "'tokns'", "Did you mean 'tokens'"]),
            ({"tokens": "5"}, USAGE, ["mine.json: /tokens", "whole number"]),
            ({"prompts": [{"prompt": "a", "chat": "b"}]}, USAGE, ["/prompts/0"]),
            ({"prompts": [{"prompt": "a"}], "cache": [{"codec": "hqq", "bits": 5}]}, NOTHING_TO_DO, ["nothing matched"]),
        ]:
            done = kvdiff("run", "--scenario", self.write(**keys))
            self.assertEqual(done.returncode, code, done.stderr)
            for part in parts:
                self.assertIn(part, done.stderr)

    def test_a_file_that_is_no_json_is_refused(self):
        file = self.folder / "broken.json"
        for content in ["", "{", "[]", '{"schema": "kvdiff.scenario/1", "tokens": 1, "tokens": 2}', "\x00"]:
            file.write_text(content)
            done = kvdiff("run", "--scenario", str(file))
            self.assertEqual(done.returncode, USAGE, content)
            self.assertIn("broken.json", done.stderr)
        self.assertEqual(kvdiff("run", "--scenario", str(self.folder)).returncode, USAGE)


if __name__ == "__main__":
    unittest.main()
