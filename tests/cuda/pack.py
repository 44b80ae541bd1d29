"""Everything that a machine without a network needs beside CUDA's compiler, CMake, Ninja, pkg-config and g++: one archive."""

import gzip
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

LIMIT = 60 << 20
INCLUDE, LIB = Path("/usr/include"), Path("/usr/lib/x86_64-linux-gnu")
# package: what it is for; headers below /usr/include; static library
NEEDED = [
    ("libfmt-dev", "formats text; used header-only", ["fmt"], None),
    ("nlohmann-json3-dev", "reads and writes JSON; header-only", ["nlohmann"], None),
    ("libcli11-dev", "the command line; header-only", ["CLI"], None),
    ("catch2", "the tests; version 2, header-only", ["catch2"], None),
    ("libpcre2-dev", "regular expressions of tokenizers", ["pcre2.h"], "libpcre2-8.a"),
    ("libutf8proc-dev", "Unicode normal forms", ["utf8proc.h"], "libutf8proc.a"),
    ("libxxhash-dev", "digests", ["xxhash.h", "xxh3.h"], "libxxhash.a"),
]
CMAKE = {  # what find_package gets
    "fmt": "fmt::fmt INTERFACE FMT_HEADER_ONLY=1", "CLI11": "CLI11::CLI11 INTERFACE", "nlohmann_json": "nlohmann_json::nlohmann_json INTERFACE",
    "Catch2": "Catch2::Catch2 INTERFACE"}
PKG_CONFIG = {"libpcre2-8": "pcre2-8", "libutf8proc": "utf8proc", "libxxhash": "xxhash"}
RUN = """#!/bin/sh
# Builds and tries kvdiff on this machine's GPU: see README. Arguments go to gpu.py.
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/source/tests/cuda/gpu.py" --deps "$here/deps" "$@"
"""


def version_of(package):
    done = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True)
    return done.stdout or "of unknown version"


def cmake_config(words):
    target, kind, *definitions = words.split()
    lines = [f"if(NOT TARGET {target})", f"  add_library({target} {kind} IMPORTED)",
             f'  target_include_directories({target} INTERFACE "${{CMAKE_CURRENT_LIST_DIR}}/../../../include")']
    return "\n".join(lines + [f"  target_compile_definitions({target} INTERFACE {word})" for word in definitions] + ["endif()", ""])


def pkg_config(name, library):
    return (f"prefix=${{pcfiledir}}/../..\nName: {name}\nDescription: static\nVersion: 0\nLibs: -L${{prefix}}/lib -l{library}\n"
            "Cflags: -I${prefix}/include\n")


def make_deps(folder):
    """A prefix with headers, static libraries and what find_package and pkg-config ask for. Returns what is missing here."""
    missing = []
    for package, _, headers, library in NEEDED:
        parts = [(INCLUDE / header, folder / "include" / header) for header in headers]
        parts += [(LIB / library, folder / "lib" / library)] if library else []
        for source, target in parts:
            if not source.exists():
                missing.append(f"{package} ({source})")
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    for name, words in CMAKE.items():
        file = folder / "lib/cmake" / name / f"{name}Config.cmake"
        file.parent.mkdir(parents=True)
        file.write_text(cmake_config(words))
    for name, library in PKG_CONFIG.items():
        file = folder / "lib/pkgconfig" / f"{name}.pc"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(pkg_config(name, library))
    return missing


def readme():
    rows = "\n".join(f"  {package} {version_of(package)}: {what}" for package, what, _, _ in NEEDED)
    return ("kvdiff for a machine with an NVIDIA GPU and without a network: sh run.sh [--help]\n\n"
            "source/  the source tree\ndeps/    headers and static libraries of Debian packages, each under its own licence:\n" + rows +
            "\n\nThe machine brings g++, cmake, ninja, pkg-config, nvcc, python3, and better torch 2.11 or newer with CUDA.\n")


def source_files(root):
    listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True, text=True, check=True)
    return [name for name in sorted(listed.stdout.split("\0")) if name and (root / name).is_file()]


def add_text(archive, name, text, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text.encode()), mode
    archive.addfile(entry, io.BytesIO(text.encode()))


def pack(root, folder, staging):
    """Writes FOLDER/kvdiff-gpu.tar.gz. Returns (file, bytes, what is missing here)."""
    missing = make_deps(staging / "deps")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "kvdiff-gpu.tar.gz"
    with gzip.open(file, "wb", compresslevel=6) as out, tarfile.open(fileobj=out, mode="w") as archive:
        add_text(archive, "kvdiff-gpu/README", readme())
        add_text(archive, "kvdiff-gpu/run.sh", RUN, 0o755)
        archive.add(staging / "deps", "kvdiff-gpu/deps")
        for name in source_files(root):
            archive.add(root / name, f"kvdiff-gpu/source/{name}")
    size = file.stat().st_size
    if size > LIMIT:
        raise SystemExit(f"gpu: {file} has {size} bytes, more than {LIMIT}: is there anything in the tree that is not source?")
    return file, size, missing
