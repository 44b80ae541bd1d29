"""Rewrites the hashes in lock files: for each `name==version` line, the SHA-256 of every wheel that the supported
Python versions would install on 64-bit x86 Linux. Needs a network and pip; nothing else in the build runs it.

    python3 third_party/lock.py third_party/tools.lock      # after a version in that file was edited
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHON_VERSIONS = {"torch.lock": ["3.11"]}  # only its C++ libraries are used, so one build serves every machine
DEFAULT_PYTHON_VERSIONS = ["3.11", "3.12", "3.13", "3.14"]
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)] + ["manylinux2014_x86_64"]


def wheels(pins, python_version):
    """What pip would install, as {pin: sha256}; nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", report, "--no-deps",
             "--ignore-installed", "--only-binary", ":all:", "--python-version", python_version, *platforms,
             "--target", folder, *pins], check=True)
        items = json.loads(report.read_text())["install"]
    names = {re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower(): item for item in items}
    return {pin: names[pin.split("==")[0]]["download_info"]["archive_info"]["hashes"]["sha256"] for pin in pins}


def rewrite(path):
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    pins = sorted(re.findall(r"^([a-z0-9-]+==[^ \\\n]+)", path.read_text(), re.MULTILINE))
    hashes = {pin: set() for pin in pins}
    for python_version in PYTHON_VERSIONS.get(path.name, DEFAULT_PYTHON_VERSIONS):
        for pin, digest in wheels(pins, python_version).items():
            hashes[pin].add(digest)
    entries = [" \\\n    ".join([pin, *(f"--hash=sha256:{digest}" for digest in sorted(hashes[pin]))]) for pin in pins]
    path.write_text("\n".join(comments + entries) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for name in sys.argv[1:]:
        rewrite(Path(name))
