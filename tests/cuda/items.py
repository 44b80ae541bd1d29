"""What ./x gpu shows, item by item. Each takes a Bench and returns figures; AssertionError says what is wrong."""

import json
import os
import subprocess
import threading
from pathlib import Path

from evidence import NotRun

TOOLS = Path(__file__).resolve().parent
CACHES = ["full", "hqq:bits=4,group=64,residual=16", "hqq:bits=3,group=64,axis=1,residual=8", "int8", "k=int8/v=kivi:bits=4,residual=32",
          "quanto:bits=4,group=64,residual=16", "fp8", "q4_0"]
TINY_CACHES = ["full", "hqq:bits=2,group=16,residual=4", "hqq:bits=3,group=16,axis=1,residual=3", "int8", "int8:per=channel,scale=frozen",
               "k=int8/v=kivi:bits=4,residual=8", "quanto:bits=4,group=16,residual=4", "hf-fp8", "int4:scheme=zero"]
LARGE = ["layers=16", "hidden_size=2048", "intermediate_size=8192", "heads=32", "kv_heads=8", "head_size=64", "vocabulary_size=32000",
         "max_positions=4096", "float16=1"]  # 1.04 billion weights
SMALLER = ["layers=3", "hidden_size=256", "intermediate_size=512", "heads=4", "kv_heads=2", "head_size=64", "float16=1"]
SANITIZED = "device run: every operation of a step is in the launch log,device: ranges of strided groups*"


class Bench:
    """A build, a device, a folder for what comes out, and the options of gpu.py."""

    def __init__(self, root, options, machine, folder):
        self.root, self.options, self.machine, self.folder = root, options, machine, folder
        self.build = options.built or root / "build-gpu"
        self.device = "emulated" if options.rehearse else "cuda"
        self.environment = {"KVDIFF_TEST_DEVICE": self.device}

    def call(self, command, name, timeout=3600, **environment):
        """Runs it; output goes to a file of that name. Returns (exit code, output)."""
        log = self.folder / f"{name}.log"
        with log.open("w") as out:
            try:
                code = subprocess.run([str(word) for word in command], stdout=out, stderr=subprocess.STDOUT, timeout=timeout,
                                      env={**os.environ, **self.environment, **environment}).returncode
            except subprocess.TimeoutExpired:
                code = None
        return code, log.read_text(errors="replace")

    def must(self, command, name, timeout=3600, **environment):
        code, output = self.call(command, name, timeout, **environment)
        assert code == 0, f"{'took longer than %d s' % timeout if code is None else 'exit code %d' % code}, {name}.log ends: {output[-800:]}"
        return output


def build(bench):
    if bench.options.built:
        return {"folder": str(bench.build), "given": True}
    major, minor = bench.machine["gpus"][0]["capability"]
    torch, deps = bench.machine["torch"], bench.options.deps
    settings = ["-DCMAKE_BUILD_TYPE=Release", "-DKVDIFF_CUDA=ON", f"-DKVDIFF_CUDA_ARCHITECTURES={major}{minor}"]
    settings += ["-DKVDIFF_TORCH=ON", f"-DKVDIFF_TORCH_DIR={torch['folder']}"] if usable_torch(torch) else ["-DKVDIFF_TORCH=OFF"]
    environment = {"PKG_CONFIG_PATH": f"{deps}/lib/pkgconfig"} if deps else {}
    settings += [f"-DCMAKE_PREFIX_PATH={deps}"] if deps else []
    bench.must(["cmake", "-S", bench.root, "-B", bench.build, "-G", "Ninja", *settings], "configure", 600, **environment)
    bench.must(["cmake", "--build", bench.build, "--target", "kvdiff", "kvdiff_tests", "kvdiff_tiny_model", "kvdiff_kernel_speed"],
               "build", 7200, **environment)
    return {"folder": str(bench.build), "architecture": f"{major}.{minor}", "torch": torch.get("version", "none")}


def usable_torch(torch):
    from machine import new_enough
    return bool(torch) and new_enough(torch["version"], [2, 11])


def unit_tests(filters, name):
    def run(bench):
        output = bench.must([bench.build / "tests/kvdiff_tests", *filters], name, 3600)
        assert "All tests passed" in output, f"no tests were found, {name}.log ends: {output[-300:]}"
        return {"result": output.strip().splitlines()[-1]}
    return run


def report_of(bench, model, device, caches, tokens, name):
    file = bench.folder / f"{name}-{device}.json"
    words = [word for cache in caches for word in ("--cache", cache)]
    bench.must([bench.build / "kvdiff", "run", "--model", model, "--tokens", tokens, "--prompt", "The cat sat on the mat. " * 4,
                "--mode", "local,forced,free", *words, "--device", device, "--quiet", "--report", f"json:{file}"], f"{name}-{device}", 7200)
    return json.loads(file.read_text())


def differing(left, right, path=""):
    """The places at which two reports differ, without where and when they were made."""
    if isinstance(left, dict) and isinstance(right, dict):
        skipped = ("environment", "timing") if not path else ()
        return [place for key in sorted({*left, *right} - {*skipped})
                for place in differing(left.get(key), right.get(key), f"{path}/{key}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return [place for i, pair in enumerate(zip(left, right)) for place in differing(*pair, f"{path}/{i}")]
    return [] if left == right else [path]


def whole_run(name, knobs, caches, tokens):
    def run(bench):
        model = bench.folder / f"model-{name}"
        bench.must([bench.build / "tests/kvdiff_tiny_model", model, "1", *knobs], f"model-{name}", 1800)
        host, device = (report_of(bench, model, where, caches, tokens, name) for where in ("cpu", bench.device))
        found = device["environment"]["device"]
        assert bench.device == "cuda" and "cuda" in found or found == bench.device, f"ran on {found}, not on {bench.device}"
        places = differing(host, device)
        assert not places, f"{len(places)} places differ, the first: {places[:5]}"
        return {"lanes": len(host["lanes"]), "tokens": tokens, "seconds_cpu": host.get("timing"), "seconds_device": device.get("timing")}
    return run


def with_memory(name, run):
    """The same, while nvidia-smi is asked five times a second for the memory in use."""
    def watched(bench):
        peak, over = [used_memory()], threading.Event()
        start = peak[0]
        thread = threading.Thread(target=lambda: [peak.append(used_memory()) for _ in iter(lambda: over.wait(0.2), True)])
        thread.start()
        try:
            figures = run(bench)
        finally:
            over.set()
            thread.join()
        known = [value for value in peak if value is not None]
        return {**figures, "gpu_mib_before": start, "gpu_mib_peak": max(known) if known else None, "gpu_mib_after": used_memory()}
    return watched


def used_memory():
    try:
        done = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", "0"], capture_output=True,
                              text=True, timeout=20)
        return int(done.stdout.splitlines()[0])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None


def sanitizer(tool):
    def run(bench):
        program = bench.machine["compute_sanitizer"]
        if not program or bench.options.rehearse:
            raise NotRun("compute-sanitizer is not there" if not program else "a rehearsal has no GPU")
        code, output = bench.call([program, "--tool", tool, "--error-exitcode", "9", bench.build / "tests/kvdiff_tests", SANITIZED],
                                  tool, 1800, PYTORCH_NO_CUDA_MEMORY_CACHING="1")
        if code is None:
            raise NotRun("it took longer than 1800 s")
        assert code == 0 and "All tests passed" in output, f"exit code {code}, {tool}.log ends: {output[-800:]}"
        return {"result": [line for line in output.splitlines() if "ERROR SUMMARY" in line or "RACECHECK SUMMARY" in line]}
    return run


def kernel_speed(bench):
    lines = bench.must([bench.build / "tests/kvdiff_kernel_speed", bench.device, "256" if bench.options.rehearse else "1"], "speed", 1800)
    rows = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    copy = next(row for row in rows if row["what"] == "copy")
    return {"rows": [{**row, "of_copy": round(row["gb_per_s"] / copy["gb_per_s"], 3)} for row in rows]}


def aten_speed(bench):
    torch = bench.machine["torch"]
    if not torch.get("sees_gpu"):
        raise NotRun("no torch with CUDA that sees the GPU")
    lines = bench.must([torch["python"], TOOLS / "aten_speed.py"], "aten", 1800)
    return {"rows": [json.loads(line) for line in lines.splitlines() if line.startswith("{")]}


# name, what runs, the items that must have passed
ITEMS = [
    ("build", build, ()),
    ("the driver answers; copies, memory, errors of the device", unit_tests(["[cuda]"], "device-tests"), ("build",)),
    ("kernels give the bits of the host", unit_tests(["[device]~[cuda]~[fault_on_gpu]"], "kernel-tests"), ("build",)),
    ("a kernel that strays ends the device by name", unit_tests(["[fault_on_gpu]"], "stray"), ("build",)),
    ("whole runs, tiny model: the report of the host", whole_run("tiny", [], TINY_CACHES, 12), ("build",)),
    ("whole runs, small model of heads of 64: the report of the host", whole_run("small", SMALLER, CACHES, 24), ("build",)),
    ("whole runs, a billion weights: the report of the host", with_memory("large", whole_run("large", LARGE, CACHES[:4], 8)), ("build",)),
    *((f"compute-sanitizer {tool}", sanitizer(tool), ("build",)) for tool in ("memcheck", "racecheck", "synccheck", "initcheck")),
    ("speed of the kernels beside a copy", kernel_speed, ("build",)),
    ("speed of ATen at the same shapes", aten_speed, ()),
]
NOT_REHEARSED = ("a billion weights", "strays", "the driver answers")
