"""--device: whole runs on emulated threads give the host's report, and a machine without a GPU says what is missing."""

import json
import tempfile
import unittest
from pathlib import Path

from program import ENVIRONMENT, PASSED, USAGE, kvdiff, tiny_model

CACHES = ["--cache", "full", "--cache", "hqq:bits=2,group=16,residual=4", "--cache", "k=int8/v=kivi:bits=4,residual=8",
          "--cache", "hf-fp8"]


def without_place(report):
    """All of a report but where and when it was made."""
    return {key: value for key, value in report.items() if key not in ("environment", "timing")}


class Devices(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.model = tiny_model(cls.folder / "tiny")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def run_on(self, device, *arguments):
        return kvdiff("run", "--model", self.model, "--tokens", "8", "--prompt", "The cat sat on the mat.", *CACHES,
                      "--device", device, *arguments, folder=self.folder)

    def report_on(self, device):
        file = self.folder / f"{device}.json"
        done = self.run_on(device, "--quiet", "--report", f"json:{file}")
        self.assertEqual(done.returncode, PASSED, done.stderr)
        return json.loads(file.read_text())

    def test_emulated_threads_give_the_report_of_the_host_to_the_last_bit(self):
        host, emulated = self.report_on("cpu"), self.report_on("emulated")
        self.assertEqual(emulated["environment"]["device"], "emulated")
        self.assertEqual(without_place(emulated), without_place(host))

    def test_auto_says_what_it_took_and_why(self):
        done = self.run_on("auto")
        self.assertEqual(done.returncode, PASSED, done.stderr)
        self.assertRegex(done.stderr, r"kvdiff: device .+: .+")

    def test_a_device_that_is_not_there_is_refused_with_what_is_missing(self):
        done = self.run_on("cuda:63")
        self.assertEqual(done.returncode, ENVIRONMENT, done.stderr)
        self.assertRegex(done.stderr, "without CUDA|driver|no device|expected")
        self.assertEqual(self.run_on("cuda:x").returncode, USAGE)

    def test_doctor_speaks_of_the_device(self):
        self.assertRegex(kvdiff("doctor", "--model", self.model).stdout, r"(ok|note) +device +.*cuda")


if __name__ == "__main__":
    unittest.main()
