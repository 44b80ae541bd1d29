"""What the kernels take of a GPU, against the budget: registers, shared memory, stack, spills.

    resources.py LOG --table PROGRAM             compares the build's log with the budget, and prints occupancy
    resources.py LOG --table PROGRAM --accept    writes the budget anew from the log
    resources.py --rows --table PROGRAM          only: does the budget know every kernel of list.h, and no other
    resources.py --absent REASON                 says why there is no log, and exits with 77: skipped

LOG is cuda/ptxas.log of the build folder, PROGRAM its tests/kvdiff_kernel_table. A kernel may take fewer registers than its
budget, never more; it may not spill, and has no stack. An architecture that was not built is left as it is.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from occupancy import LIMITS, occupancy

BUDGET = Path(__file__).resolve().parents[2] / "cache_backends/device/kernels/budget.txt"
SKIPPED = 77
ENTRY = re.compile(
    r"ptxas info    : Compiling entry function '(?P<symbol>\w+)' for '(?P<architecture>sm_\d+)'\n"
    r"ptxas info    : Function properties for (?P=symbol)\n"
    r" +(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads\n"
    r"ptxas info    : Used (?P<registers>\d+) registers(?P<rest>[^\n]*)\n")
SHARED = re.compile(r"(\d+) bytes smem")
TYPE = re.compile(r"::enter<(.*)>\(")


class Kernel(NamedTuple):
    row: str  # in list.h
    name: str
    threads: int
    type: str


class Resources(NamedTuple):
    registers: int
    shared: int  # bytes per block, those that are fixed when the kernel is compiled
    stack: int
    spill: int  # bytes stored and loaded again


def plain(type_name):
    """The type without what differs between the compilers: blanks, and the namespace that keeps the two apart."""
    return re.sub(r"kvdiff::device::|on_gpu::|on_host::|\s", "", type_name)


def read_table(program):
    """The kernels of list.h, in its order."""
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    return [Kernel(row, name, int(threads), plain(type_name)) for row, name, threads, type_name in (line.split("\t") for line in lines)]


def demangled(symbols):
    answer = subprocess.run(["c++filt"], input="\n".join(symbols), capture_output=True, text=True, check=True)
    return dict(zip(symbols, answer.stdout.splitlines()))


def read_log(text, kernels):
    """(version of nvcc, {(row, architecture): Resources}); ValueError where the log is not whole."""
    version = re.match(r"nvcc (\S+)\n", text)
    entries = list(ENTRY.finditer(text))
    if not version or len(entries) != text.count("Compiling entry function"):
        raise ValueError("the log is not whole: build the target kvdiff_kernels again")
    names = demangled([entry["symbol"] for entry in entries])
    rows = {kernel.type: kernel.row for kernel in kernels}
    found = {}
    for entry in entries:
        type_name = TYPE.search(names[entry["symbol"]])
        row = rows.get(plain(type_name[1])) if type_name else None
        if row is None:
            raise ValueError(f"{names[entry['symbol']]} is no row of list.h")
        shared = SHARED.search(entry["rest"])
        found[row, entry["architecture"]] = Resources(
            int(entry["registers"]), int(shared[1]) if shared else 0, int(entry["stack"]), int(entry["stores"]) + int(entry["loads"]))
    architectures = {architecture for _, architecture in found}
    missing = [f"{kernel.row} {architecture}" for kernel in kernels for architecture in architectures if (kernel.row, architecture) not in found]
    if missing or not found:
        raise ValueError(f"the log says nothing of {', '.join(sorted(missing)) or 'any kernel'}")
    return version[1], found


def read_budget(path):
    """(version of nvcc, {(row, architecture): Resources}); of a file that is not there yet: ("", {})."""
    if not path.exists():
        return "", {}
    lines = path.read_text().splitlines()
    version = next(line.split()[2] for line in lines if line.startswith("# nvcc "))
    fields = [line.split() for line in lines if line and not line.startswith("#")]
    return version, {(row, architecture): Resources(*map(int, figures)) for row, architecture, *figures in fields}


def write_budget(path, version, resources, kernels):
    lines = ["# What each kernel may take of a GPU; tests/cuda/resources.py compares a build with it and, told --accept, writes it.",
             f"# nvcc {version}", f"# {'row':22}{'target':8}{'registers':>10}{'shared':>8}{'stack':>7}{'spill':>7}"]
    for kernel in kernels:
        for architecture in sorted(LIMITS, key=number):
            if taken := resources.get((kernel.row, architecture)):
                lines.append(f"{kernel.row:24}{architecture:8}{taken.registers:10}{taken.shared:8}{taken.stack:7}{taken.spill:7}")
    path.write_text("\n".join(lines) + "\n")


def number(architecture):
    return int(architecture.removeprefix("sm_"))


def release(version):
    return version.split(".")[:2]


def wrong_rows(budget, kernels, architectures):
    """What the budget lacks, and what it has too much."""
    rows = {kernel.row for kernel in kernels}
    lacks = [f"{kernel.row} {architecture}: not in the budget" for kernel in kernels for architecture in architectures
             if (kernel.row, architecture) not in budget]
    return lacks + [f"{row}: in the budget, but not in list.h" for row in sorted({row for row, _ in budget} - rows)]


def over_budget(found, budget, same_release):
    """What a build may not do. Registers and shared memory are held against the release of nvcc that the budget was made with:
    another one assigns registers otherwise."""
    for (row, architecture), taken in found.items():
        where = f"{row} {architecture}"
        if taken.spill:
            yield f"{where}: {taken.spill} bytes of spilled registers"
        if taken.stack:
            yield f"{where}: a stack of {taken.stack} bytes"
        allowed = budget.get((row, architecture))
        if allowed and same_release and taken.registers > allowed.registers:
            yield f"{where}: {taken.registers} registers, the budget is {allowed.registers}"
        if allowed and same_release and taken.shared > allowed.shared:
            yield f"{where}: {taken.shared} bytes of shared memory, the budget is {allowed.shared}"


def print_occupancy(found, kernels):
    architectures = sorted({architecture for _, architecture in found}, key=number)
    print("Theoretical occupancy, of registers, threads and shared memory known to the compiler: share of the multiprocessor's warps,")
    print("registers per thread, and up to how many KiB of shared memory per block a launch may ask for without lowering it.")
    print(f"{'':22}{'threads':>8}" + "".join(f"{architecture:>18}" for architecture in architectures))
    for kernel in kernels:
        cells = ""
        for architecture in architectures:
            taken = found[kernel.row, architecture]
            held = occupancy(architecture, taken.registers, kernel.threads, taken.shared)
            cells += f"{held.fraction:7.0%}{taken.registers:5}{held.shared_up_to / 1024:6.1f}"
        print(f"{kernel.row:22}{kernel.threads:8}{cells}")


def compare(log, kernels, budget_path):
    version, found = read_log(log, kernels)
    budget_version, budget = read_budget(budget_path)
    same = release(version) == release(budget_version)
    built = sorted({architecture for _, architecture in found}, key=number)
    print_occupancy(found, kernels)
    wrong = [*wrong_rows(budget, kernels, built), *over_budget(found, budget, same)]
    lower = sum(found[key].registers < budget[key].registers for key in found if key in budget)
    print(f"{len(kernels)} kernels for {', '.join(built)}, nvcc {version}: {len(wrong)} beyond the budget, {lower} below it")
    if not same:
        print(f"the budget was made with nvcc {budget_version or '(none)'}: registers are not compared, spills and stacks are")
    return wrong


def accept(log, kernels, budget_path):
    version, found = read_log(log, kernels)
    spilled = list(over_budget(found, {}, True))
    if not spilled:
        rows = {kernel.row for kernel in kernels}
        kept = {key: taken for key, taken in read_budget(budget_path)[1].items() if key[0] in rows}
        write_budget(budget_path, version, {**kept, **found}, kernels)
        print(f"{budget_path}: {len(found)} rows written")
    return spilled


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", nargs="?", type=Path)
    parser.add_argument("--table")
    parser.add_argument("--budget", type=Path, default=BUDGET)
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("--rows", action="store_true")
    parser.add_argument("--absent")
    given = parser.parse_args(arguments)
    if given.absent is not None:
        print(f"skipped: the kernels were not compiled for GPUs: {given.absent}")
        return SKIPPED
    kernels = read_table(given.table)
    if given.rows:
        wrong = wrong_rows(read_budget(given.budget)[1], kernels, LIMITS)
        print(f"{len(kernels)} kernels in list.h, {len(wrong)} rows of the budget wrong")
    else:
        try:
            wrong = (accept if given.accept else compare)(given.log.read_text(), kernels, given.budget)
        except ValueError as error:
            wrong = [str(error)]
    print("\n".join(wrong))
    if wrong and not given.accept:
        log = given.log or "BUILD/cuda/ptxas.log"
        print("Where this is meant (a spill or a stack never is):")
        print(f"  python3 tests/cuda/resources.py {log} --table {given.table} --accept")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
