"""Golden fixtures, made again by the scripts beside them: the same bytes."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
# The script, its arguments ({} is where the file goes), the fixture in the tree.
FIXTURES = [
    ("cache_backends/codecs/fixtures/make_hqq_fixtures.py", ["{}"], "cache_backends/codecs/fixtures/hqq.fixture"),
    ("cache_backends/codecs/fixtures/make_quanto_fixtures.py", ["{}"], "cache_backends/codecs/fixtures/quanto.fixture"),
    ("cache_backends/codecs/fixtures/make_ggml_fixtures.py", ["{}"], "cache_backends/codecs/fixtures/ggml.fixture"),
    ("cache_backends/codecs/fixtures/make_fp8_fixtures.py", ["{}"], "cache_backends/codecs/fixtures/fp8.fixture"),
    ("cache_backends/codecs/fixtures/make_formula_fixtures.py", ["{}"], "cache_backends/codecs/fixtures/formulas.fixture"),
    ("cache_backends/make_hf_schedule_fixtures.py", ["--out", "{}"], "cache_backends/fixtures/hf_schedule.json"),
    ("cache_backends/make_peer_forecast_fixtures.py", ["--out", "{}"], "cache_backends/fixtures/peer_forecast.json"),
]

# What another version of a package made: the script beside them says how.
OTHER_VERSIONS = ["cache_backends/fixtures/hf_schedule_4.54.1.json", "cache_backends/fixtures/hf_schedule_5.15.0.json"]
# Scripts that write beside themselves, and what: run on a copy of the tree's tests.
IN_PLACE = [
    ("harness/text/make_tokenizer_fixtures.py", [], ["harness/text/golden/tokenizers.json", "harness/text/golden/components.json"]),
    ("harness/text/make_chat_fixtures.py", [os.environ.get("KVDIFF_MODEL", "")], ["harness/text/golden/chat.json"]),
]
PRINTED = [("harness/model/files/golden/make_rope_golden.py", "harness/model/files/golden/rope_golden.json")]


def execute(command):
    return subprocess.run([sys.executable, *map(str, command)], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True)


def compare(parity, fixture, done, made):
    row = parity.row("golden fixture", pathlib.Path(fixture).name + ": bytes")
    row.compared = (TESTS / fixture).stat().st_size
    if done.returncode == 0 and made == (TESTS / fixture).read_bytes():
        return
    row.differing, row.note = row.compared, done.stderr.decode().strip()[-200:]


def run(parity):
    for script, options, fixture in FIXTURES:
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder) / pathlib.Path(fixture).name
            done = execute([TESTS / script, *(option.format(made) for option in options)])
            compare(parity, fixture, done, made.read_bytes() if made.exists() else b"")
    for script, fixture in PRINTED:
        done = execute([TESTS / script])
        compare(parity, fixture, done, done.stdout)
    for script, options, fixtures in IN_PLACE:
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            shutil.copytree((TESTS / script).parent, (tree / "tests" / script).parent)
            for fixture in fixtures:
                (tree / "tests" / fixture).unlink()
            for room in ("scenarios", "third_party", "harness"):
                (tree / room).symlink_to(TESTS.parent / room)
            done = execute([tree / "tests" / script, *options])
            for fixture in fixtures:
                made = tree / "tests" / fixture
                compare(parity, fixture, done, made.read_bytes() if made.exists() else b"")
