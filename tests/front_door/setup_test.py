"""What set-up promises: all or nothing, once, the user's own pip settings, and a clear word when it cannot."""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROVIDE = 'provide thing "$cache/thing" "$stamp" 0 make'
MAKE = 'make() { mkdir "$1"; echo made >>"$cache/log"; echo "$stamp" >"$1/content"; }; '
HAS_PIP = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0


class Setup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = Path(folder.name) / "with a space"
        self.cache.mkdir()

    def start(self, script, stamp="1", **environment):
        prologue = 'set -euo pipefail; root=$1 cache=$2 stamp=$3; source "$root/third_party/setup.sh"; '
        return subprocess.Popen(
            ["bash", "-c", prologue + script, "-", ROOT, self.cache, stamp], text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environment})

    def run_script(self, script, stamp="1", **environment):
        process = self.start(script, stamp, **environment)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def names(self):
        return sorted(path.name for path in self.cache.iterdir())

    def test_is_made_once(self):
        for _ in range(2):
            self.assertEqual(self.run_script(MAKE + PROVIDE)[0], 0)
        self.assertEqual((self.cache / "log").read_text(), "made\n")

    def test_another_lock_makes_it_anew_and_whole(self):
        self.run_script(MAKE + PROVIDE)
        (self.cache / "thing" / "stray").touch()
        self.assertEqual(self.run_script(MAKE + PROVIDE, stamp="2")[0], 0)
        self.assertEqual((self.cache / "thing" / "content").read_text(), "2\n")
        self.assertEqual(sorted(p.name for p in (self.cache / "thing").iterdir()), [".kvdiff-stamp", "content"])
        self.assertEqual(self.names(), ["lock", "log", "thing"])

    def test_a_failure_leaves_nothing_and_is_the_environments_fault(self):
        status, _, errors = self.run_script('make() { mkdir "$1" && touch "$1/half" && false; }; ' + PROVIDE)
        self.assertEqual(status, 4)
        self.assertIn("nothing of it was kept", errors)
        self.assertEqual(self.names(), ["lock"])

    def test_a_failure_keeps_what_was_there(self):
        self.run_script(MAKE + PROVIDE)
        self.assertEqual(self.run_script("make() { mkdir \"$1\"; false; }; " + PROVIDE, stamp="2")[0], 4)
        self.assertEqual((self.cache / "thing" / "content").read_text(), "1\n")

    def test_an_interruption_is_cleaned_up_by_the_next(self):
        process = self.start('make() { mkdir "$1"; touch "$1/half"; sleep 600; }; ' + PROVIDE)
        while not (self.cache / "thing.partial" / "half").exists():
            time.sleep(0.01)
        self.assertFalse((self.cache / "thing").exists())
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        self.assertEqual(self.run_script(MAKE + PROVIDE)[0], 0)
        self.assertEqual(sorted(p.name for p in (self.cache / "thing").iterdir()), [".kvdiff-stamp", "content"])
        self.assertEqual(self.names(), ["lock", "log", "thing"])

    def test_two_at_once_make_it_once(self):
        slow = MAKE.replace("mkdir", 'sleep 0.3; mkdir')
        processes = [self.start(slow + PROVIDE) for _ in range(3)]
        for process in processes:
            process.communicate(timeout=60)
        self.assertEqual([process.returncode for process in processes], [0, 0, 0])
        self.assertEqual((self.cache / "log").read_text(), "made\n")

    def test_a_full_disk_is_said_before_anything_is_fetched(self):
        status, _, errors = self.run_script(MAKE + PROVIDE.replace(" 0 make", " 99999999999 make"))
        self.assertEqual(status, 4)
        self.assertIn("99999999999 MB are needed", errors)
        self.assertEqual(self.names(), ["lock"])

    def test_missing_packages_without_root_are_one_line_to_run(self):
        status, _, errors = self.run_script("apt_prefix() { return 1; }; need_packages bash kvdiff-no-such-package")
        self.assertEqual(status, 4)
        self.assertIn("sudo apt-get update && sudo apt-get install -y kvdiff-no-such-package\n", errors)

    def test_the_cache_is_where_the_user_wants_it(self):
        for given, expected in (("/tmp/there", "/tmp/there/kvdiff"), ("", "/home-of/.cache/kvdiff"),
                                ("relative", "/home-of/.cache/kvdiff")):
            status, output, _ = self.run_script("cache_folder", HOME="/home-of", XDG_CACHE_HOME=given)
            self.assertEqual((status, output), (0, expected + "\n"))

    @unittest.skipUnless(HAS_PIP, "this Python has no pip")
    def test_pip_takes_the_users_settings_and_only_the_locked_wheel(self):
        wheels = self.cache / "wheels"
        wheels.mkdir()
        wheel = wheels / "kvdiff_probe-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("kvdiff_probe.py", "")
            archive.writestr("kvdiff_probe-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: kvdiff-probe\nVersion: 1.0\n")
            archive.writestr("kvdiff_probe-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr("kvdiff_probe-1.0.dist-info/RECORD", "")
        lock = self.cache / "probe.lock"
        make = f'make() {{ pip_install "{sys.executable}" -r "{lock}" --target "$1"; }}; '
        settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels).replace(" ", "%20")}
        settings["PIP_FIND_LINKS"] = "file://" + settings["PIP_FIND_LINKS"]
        lock.write_text(f"kvdiff-probe==1.0 --hash=sha256:{'0' * 64}\n")
        self.assertEqual(self.run_script(make + PROVIDE, **settings)[0], 4)
        self.assertFalse((self.cache / "thing").exists())
        lock.write_text(f"kvdiff-probe==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
        status, _, errors = self.run_script(make + PROVIDE, **settings)
        self.assertEqual(status, 0, errors)
        self.assertTrue((self.cache / "thing" / "kvdiff_probe.py").exists())


if __name__ == "__main__":
    unittest.main()
