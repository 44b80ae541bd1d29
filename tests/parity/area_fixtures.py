"""Golden fixtures, made again by the scripts beside them: the same bytes."""

import os
import pathlib
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
]


def run(parity):
    for script, options, fixture in FIXTURES:
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder) / pathlib.Path(fixture).name
            done = subprocess.run([sys.executable, TESTS / script, *(option.format(made) for option in options)],
                                  env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
            same = done.returncode == 0 and made.read_bytes() == (TESTS / fixture).read_bytes()
        row = parity.row("golden fixture", pathlib.Path(fixture).name + ": bytes", note=done.stderr.strip()[-200:])
        row.compared = (TESTS / fixture).stat().st_size
        row.differing = 0 if same else row.compared
