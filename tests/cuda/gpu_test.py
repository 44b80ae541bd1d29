"""./x gpu without a GPU: it says what is missing, what counts as evidence, and what an archive holds."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import gpu
import items
import machine
from evidence import Evidence, NotRun


def call(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = gpu.main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue()


class TheEvidence(unittest.TestCase):
    def setUp(self):
        self.evidence = Evidence({}, say=lambda line: None)

    def states(self):
        return [item["state"] for item in self.evidence.items]

    def test_an_item_that_raises_fails_and_the_others_still_run(self):
        def wrong():
            assert False, "3 differ"
        self.evidence.item("a", wrong)
        self.evidence.item("b", lambda: 1 / 0)
        self.evidence.item("c", lambda: {"x": 1})
        self.evidence.item("d", lambda: {}, needs=("a",))
        self.assertEqual(self.states(), ["failed", "failed", "passed", "not run"])
        self.assertEqual(self.evidence.items[0]["why"], "3 differ")
        self.assertIn("ZeroDivisionError", self.evidence.items[1]["why"])
        self.assertIn("a", self.evidence.items[3]["why"])
        self.assertEqual(self.evidence.exit_code(), 1)

    def test_nothing_run_is_not_a_success(self):
        def absent():
            raise NotRun("no GPU")
        self.evidence.item("a", absent)
        self.assertEqual((self.states(), self.evidence.exit_code()), (["not run"], 4))
        self.evidence.item("b", dict)
        self.assertEqual(self.evidence.exit_code(), 0)


class Reports(unittest.TestCase):
    def test_only_where_and_when_may_differ(self):
        left = {"environment": 1, "timing": 2, "lanes": [{"kld": 0.5, "timing": 1}]}
        self.assertEqual(items.differing(left, {"environment": 3, "timing": 4, "lanes": [{"kld": 0.5, "timing": 1}]}), [])
        self.assertEqual(items.differing(left, {"lanes": [{"kld": 0.25, "timing": 1}]}), ["/lanes/0/kld"])
        self.assertEqual(items.differing(left, {"lanes": [{"kld": 0.5, "timing": 2}]}), ["/lanes/0/timing"])
        self.assertEqual(items.differing(left, {"lanes": []}), ["/lanes"])
        self.assertEqual(items.differing(left, {**left, "more": 1}), ["/more"])

    def test_which_torch_will_do(self):
        self.assertTrue(items.usable_torch({"version": "2.13.0+cu130"}))
        self.assertTrue(items.usable_torch({"version": "3.0"}))
        self.assertFalse(items.usable_torch({"version": "2.9.1"}))
        self.assertFalse(items.usable_torch({}))


class TheCommand(unittest.TestCase):
    def test_without_a_gpu_it_says_what_is_missing_and_exits_4(self):
        if machine.gpus()[0]:
            self.skipTest("this machine has a GPU")
        with tempfile.TemporaryDirectory() as folder:
            code, out, err = call("--out", folder)
            written = json.loads((Path(folder) / "evidence.json").read_text())
        self.assertEqual(code, 4, err)
        self.assertIn("a GPU: ", err)
        self.assertEqual({item["state"] for item in written["items"]}, {"not run"})
        self.assertEqual(len(written["items"]), len(items.ITEMS))
        for item in written["items"]:
            self.assertIn("a GPU: ", item["why"])

    def test_help_says_what_was_never_run(self):
        code, out, _ = call("--help")
        self.assertEqual(code, 0)
        self.assertIn("never run on a GPU", out)

    def test_a_rehearsal_without_a_build_is_a_mistake(self):
        self.assertEqual(call("--rehearse")[0], 2)

    def test_the_archive_is_whole_and_cmake_finds_its_packages(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            code, out, err = call("--pack", folder)
            if code == 4:
                self.skipTest(err)
            self.assertEqual(code, 0, err)
            self.assertLess((folder / "kvdiff-gpu.tar.gz").stat().st_size, 60 << 20)
            with tarfile.open(folder / "kvdiff-gpu.tar.gz") as archive:
                archive.extractall(folder)
            top = folder / "kvdiff-gpu"
            for part in ("run.sh", "README", "source/CMakeLists.txt", "source/tests/cuda/gpu.py", "deps/include/fmt/format.h"):
                self.assertTrue((top / part).is_file(), part)
            (folder / "CMakeLists.txt").write_text(
                "cmake_minimum_required(VERSION 3.25)\nproject(try CXX)\ninclude(kvdiff-gpu/source/third_party/packages.cmake)\n"
                "find_package(Catch2 REQUIRED)\nadd_executable(try try.cpp)\nset_target_properties(try PROPERTIES CXX_STANDARD 20)\n"
                "target_link_libraries(try fmt::fmt CLI11::CLI11 nlohmann_json::nlohmann_json PCRE2::8 utf8proc::utf8proc "
                "xxHash::xxhash Catch2::Catch2)\n")
            (folder / "try.cpp").write_text(
                "#include <fmt/format.h>\n#include <CLI/CLI.hpp>\n#include <nlohmann/json.hpp>\n#define PCRE2_CODE_UNIT_WIDTH 8\n"
                "#include <pcre2.h>\n#include <utf8proc.h>\n#include <xxhash.h>\n"
                "int main() { fmt::print(\"{} {} {}\\n\", utf8proc_version(), XXH_versionNumber() > 0, "
                "pcre2_config(PCRE2_CONFIG_UNICODE, nullptr)); }\n")
            for command in (["cmake", "-S", folder, "-B", folder / "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={top / 'deps'}",
                             "-DKVDIFF_TORCH=OFF"], ["cmake", "--build", folder / "b"], [folder / "b/try"]):
                done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300,
                                      env={**os.environ, "PKG_CONFIG_PATH": str(top / "deps/lib/pkgconfig")})
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            used = (folder / "b/build.ninja").read_text()
            for library in ("libpcre2-8.a", "libutf8proc.a", "libxxhash.a"):
                self.assertRegex(used, f"{top}/deps/lib\\S*/{library}")
            self.assertNotIn("libfmt.so", used)


if __name__ == "__main__":
    unittest.main()
