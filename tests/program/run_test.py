"""Whole runs on a tiny model: reports, exit codes, reproduction, interruption."""

import json
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from program import (BEYOND_LIMITS, ENVIRONMENT, INPUT, INTERRUPTED, IO, PASSED, USAGE, kvdiff, program, shell, tiny_model)

CACHES = ["--cache", "full", "--cache", "hqq:bits=2,group=16", "--cache", "int8"]


class Runs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.model = tiny_model(cls.folder / "tiny")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def run_tiny(self, *arguments, prompt=("--prompt", "The cat sat on the mat."), stdin=""):
        return kvdiff("run", "--model", self.model, "--tokens", "12", *prompt, *arguments, stdin=stdin, folder=self.folder)

    def report(self, *arguments, code=PASSED, **more):
        file = self.folder / "report.json"
        file.unlink(missing_ok=True)
        done = self.run_tiny(*arguments, "--quiet", "--report", f"json:{file}", **more)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        return json.loads(file.read_text())

    def check(self, done, code, *parts):
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_a_run_ends_with_its_report_and_nothing_on_standard_error(self):
        done = self.run_tiny(*CACHES)
        self.check(done, PASSED)
        self.assertEqual(done.stderr, "")
        self.assertIn("hqq:bits=2,group=16", done.stdout)
        self.assertNotIn("\x1b", done.stdout)

    def test_a_lane_whose_peer_would_raise_says_so_before_it_runs_and_runs(self):
        spec = "hqq:axis=1,group=32,residual=0"
        done = self.run_tiny("--cache", spec)
        self.check(done, PASSED, f"kvdiff: warning: '{spec}': transformers would have raised here, at ",
                   "RuntimeError: The size of tensor a (")
        self.assertIn("transformers would have raised here", done.stdout)
        [failure] = self.report("--cache", spec)["lanes"][2]["peer_failures"][:1]
        self.assertEqual(failure["verdict"]["exception"], "RuntimeError")

    def test_the_json_report_has_every_lane_and_its_reproducing_line(self):
        report = self.report(*CACHES)
        self.assertEqual(report["schema"], "kvdiff.report/1")
        self.assertEqual([lane["role"] for lane in report["lanes"]], ["reference", "control"] + 3 * ["candidate"])
        self.assertEqual([lane["cache"] for lane in report["lanes"][2:]], ["full", "hqq:bits=2,group=16", "int8"])
        self.assertEqual(report["exit_code"], PASSED)
        again = shell(f"{report['lanes'][3]['reproduce']} --quiet --report json", folder=self.folder)
        self.assertEqual(again.returncode, PASSED, again.stderr)
        alone = json.loads(again.stdout)["lanes"]
        self.assertEqual(len(alone), 3)
        for key in ["free", "digests", "bytes", "forced"]:
            self.assertEqual(alone[2][key], report["lanes"][3][key], key)

    def test_threads_simd_and_other_lanes_change_nothing(self):
        first = self.report(*CACHES, "--threads", "1", "--simd", "scalar")["lanes"]
        second = self.report("--cache", "int8", *CACHES[2:4], "--threads", "2")["lanes"]
        by_name = {lane["name"]: lane for lane in second}
        for lane in first:
            if lane["name"] in by_name:
                self.assertEqual(lane["digests"], by_name[lane["name"]]["digests"])
                self.assertEqual(lane["free"]["tokens"], by_name[lane["name"]]["free"]["tokens"])

    def test_only_limits_make_a_run_fail(self):
        self.report(*CACHES[2:4])
        beyond = self.report(*CACHES[2:4], "--limit", "kld_mean=1e-9", code=BEYOND_LIMITS)
        self.assertEqual(beyond["lanes"][2]["status"], "failed")
        within = self.report(*CACHES[2:4], "--limit", "kld_mean=1000")
        self.assertEqual(within["lanes"][2]["status"], "passed")

    def test_a_stored_report_is_shown_and_judged_again(self):
        file = self.folder / "stored.json"
        self.check(self.run_tiny(*CACHES[2:4], "--report", f"json:{file}"), PASSED)
        self.assertIn("hqq", kvdiff("show", str(file)).stdout)
        self.check(kvdiff("show", str(file), "--limit", "kld_mean=1e-9"), BEYOND_LIMITS)
        same = kvdiff("show", str(file), "--report", "json")
        self.assertEqual(same.stdout, file.read_text())
        markdown = self.folder / "shown.md"
        self.check(kvdiff("show", str(file), "--quiet", "--report", f"markdown:{markdown}"), PASSED)
        self.assertIn("hqq", markdown.read_text())
        broken = self.folder / "cut.json"
        broken.write_text(file.read_text()[:500])
        self.check(kvdiff("show", str(broken)), INPUT, "cut.json")

    def test_reports_are_compared_and_other_inputs_are_refused(self):
        files = [str(self.folder / name) for name in ("a.json", "b.json", "c.json")]
        self.check(self.run_tiny(*CACHES, "--report", f"json:{files[0]}"), PASSED)
        self.check(self.run_tiny(*CACHES, "--report", f"json:{files[1]}"), PASSED)
        self.check(self.run_tiny(*CACHES, "--report", f"json:{files[2]}", prompt=("--prompt", "Another one.")), PASSED)
        self.check(kvdiff("compare", files[0], files[1]), PASSED)
        self.check(kvdiff("compare", files[0], files[2]), USAGE, "prompt", "--anyway")
        self.check(kvdiff("compare", files[0], files[2], "--anyway"), PASSED)
        self.check(kvdiff("compare", files[0]), USAGE)

    def test_several_prompts_write_several_files(self):
        scenario = self.folder / "two.json"
        scenario.write_text(json.dumps({"schema": "kvdiff.scenario/1", "model": self.model, "tokens": 4, "cache": ["int8"],
                                        "prompts": [{"name": "short", "prompt": "The"}, {"prompt": "The cat sat"}]}))
        done = kvdiff("run", "--scenario", str(scenario), "--report", "json:out.json", folder=self.folder)
        self.check(done, PASSED)
        prompts = [json.loads((self.folder / name).read_text())["prompt"]["text"] for name in ("out-short.json", "out-2.json")]
        self.assertEqual(prompts, ["The", "The cat sat"])

    def test_a_prompt_comes_from_a_file_or_standard_input_too(self):
        text = "The cat sat on the mat."
        file = self.folder / "prompt.txt"
        file.write_text(text)
        ids = self.report(*CACHES[:2])["prompt"]["token_ids"]
        self.assertEqual(self.report(*CACHES[:2], prompt=("--prompt-file", str(file)))["prompt"]["token_ids"], ids)
        self.assertEqual(self.report(*CACHES[:2], prompt=("--prompt-file", "-"), stdin=text)["prompt"]["token_ids"], ids)
        given = ",".join(map(str, ids))
        self.assertEqual(self.report(*CACHES[:2], prompt=("--token-ids", given))["prompt"]["token_ids"], ids)

    def test_a_text_is_followed(self):
        report = self.report(*CACHES[:2], "--mode", "local,forced", "--continue-file", "shipped:newton-opticks")
        self.assertEqual(report["settings"]["continue_file"], "shipped:newton-opticks")
        self.assertEqual(len(report["lanes"][2]["forced"]["kld"]), 12)

    def test_rejected_input_says_what_and_leaves_nothing_behind(self):
        file = self.folder / "never.json"
        latin = self.folder / "latin.txt"
        latin.write_bytes(b"caf\xe9")
        for prompt in [("--prompt", ""), ("--token-ids", "1,99999"), ("--token-ids", "1,x"), ("--prompt-file", str(latin))]:
            self.check(self.run_tiny(*CACHES, "--report", f"json:{file}", prompt=prompt), INPUT)
        missing = kvdiff("run", "--model", str(self.folder / "nowhere"), "--prompt", "x", "--cache", "full",
                         "--report", f"json:{file}")
        self.check(missing, INPUT, "nowhere")
        self.assertFalse(file.exists())

    def test_what_cannot_be_read_or_written_is_an_io_error_before_the_run(self):
        self.check(self.run_tiny(*CACHES, prompt=("--prompt-file", str(self.folder / "nowhere.txt"))), IO, "nowhere.txt")
        self.check(self.run_tiny(*CACHES, "--report", f"json:{self.folder}/no/such/folder.json"), IO, "folder.json")
        self.check(self.run_tiny(*CACHES, "--report", f"json:{self.folder}"), IO)
        (self.folder / "a_file").write_text("")
        self.check(self.run_tiny(*CACHES, "--dump", f"{self.folder}/a_file"), IO, "a_file")

    def test_a_dump_keeps_the_steps_that_were_asked_for(self):
        dump = self.folder / "dump"
        self.check(self.run_tiny(*CACHES, "--quiet", "--dump", str(dump), "--dump-steps", "3-5"), PASSED)
        self.assertEqual(sorted(file.name for file in dump.iterdir()), [f"step-00000{step}.safetensors" for step in (3, 4, 5)])

    def test_a_run_that_cannot_fit_says_so_before_it_starts(self):
        done = self.run_tiny(*CACHES, "--tokens", "1000000000000", prompt=("--prompt", "x"))
        self.check(done, USAGE)  # --tokens twice
        done = kvdiff("run", "--model", self.model, "--prompt", "x", *CACHES, "--tokens", "100000000000")
        self.check(done, ENVIRONMENT, "not enough memory")

    def test_the_first_interrupt_ends_cleanly_with_what_is_complete(self):
        file = self.folder / "partial.json"
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [program, "run", "--model", self.model, "--prompt", "The", "--cache", "hqq:bits=2,group=16", "--tokens", "20000",
             "--ignore-eos", "--mode", "forced", "--report", f"json:{file}"], stdout=subprocess.DEVNULL, stderr=terminal)
        os.close(terminal)
        shown = b""
        while b"decode " not in shown and process.poll() is None:
            shown += os.read(controller, 4096)
        process.send_signal(signal.SIGINT)
        try:
            while os.read(controller, 4096):
                pass
        except OSError:
            pass  # the terminal's other end is closed: the program has ended
        self.assertEqual(process.wait(timeout=60), INTERRUPTED, shown)
        os.close(controller)
        report = json.loads(file.read_text())
        self.assertTrue(report["partial"])
        self.assertEqual(report["exit_code"], INTERRUPTED)

    def test_doctor_looks_at_the_model(self):
        done = kvdiff("doctor", "--model", self.model)
        self.check(done, PASSED)
        self.assertIn("2 layers", done.stdout)
        self.assertRegex(done.stdout, r"ok +checks +\d+ of the model's files passed")
        missing = kvdiff("doctor", "--model", str(self.folder / "nowhere"))
        self.assertEqual(missing.returncode, ENVIRONMENT)
        self.assertIn("missing  model", missing.stdout)

    def test_doctor_names_the_check_that_failed(self):
        broken = self.folder / "without-end"
        shutil.copytree(self.model, broken)
        (broken / "generation_config.json").write_text("{}")
        done = kvdiff("doctor", "--model", str(broken))
        self.assertEqual(done.returncode, INPUT, done.stdout)
        self.assertIn("failed   check    tokenizer.end: found no end token", done.stdout)

    def test_tokenize_prints_ids_pieces_and_lines(self):
        ids = kvdiff("tokenize", "--model", self.model, "--prompt", "The cat", "--ids").stdout.strip()
        self.assertRegex(ids, r"^\d+(,\d+)*$")
        pieces = kvdiff("tokenize", "--model", self.model, "--prompt", "The cat").stdout
        self.assertEqual(len(pieces.splitlines()), 1 + len(ids.split(",")))
        lines = kvdiff("tokenize", "--model", self.model, "--json-lines", stdin=f'"The cat"\n[{ids}]\n')
        self.assertEqual([json.loads(line) for line in lines.stdout.splitlines()], [list(map(int, ids.split(","))), "The cat"])
        self.check(kvdiff("tokenize", "--model", self.model, "--json-lines", stdin="{}\n"), INPUT, "line 1")
        self.check(kvdiff("tokenize", "--model", self.model), USAGE, "no prompt")

    def test_list_cases_knows_memory_and_time(self):
        done = self.run_tiny(*CACHES, "--list-cases")
        self.check(done, PASSED)
        self.assertRegex(done.stdout, r"5 lanes, \d+ prompt tokens, \d+ MiB, about \d+ s")
        self.assertNotIn("not known", done.stdout)


if __name__ == "__main__":
    unittest.main()
