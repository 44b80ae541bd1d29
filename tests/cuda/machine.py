"""What of a machine is needed for the GPU, and what is missing. Asks the driver itself, without CUDA's tools."""

import ctypes
import json
import platform
import re
import shutil
import subprocess
import sys

CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76  # CUdevice_attribute
TOOLS = {"g++": "the compiler (12 or newer)", "cmake": "3.25 or newer", "ninja": "the build tool",
         "pkg-config": "finds pcre2, utf8proc, xxhash", "nvcc": "CUDA's compiler (12.8 or newer; /usr/local/cuda/bin on PATH?)"}
ASK_TORCH = ("import json, torch; print(json.dumps({'version': torch.__version__, 'folder': torch.__path__[0], "
             "'cuda': torch.version.cuda, 'sees_gpu': torch.cuda.is_available()}))")


def gpus():
    """The GPUs that the driver shows, or a sentence that says why there are none."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return [], "no NVIDIA driver (libcuda.so.1)"
    status = cuda.cuInit(0)
    if status != 0:
        return [], f"the NVIDIA driver refuses to start (cuInit gives {status}; 100 is: no GPU)"
    count, number = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(number))
    cuda.cuDeviceGetCount(ctypes.byref(count))
    found = []
    for index in range(count.value):
        device, name, memory = ctypes.c_int(), ctypes.create_string_buffer(256), ctypes.c_size_t()
        major, minor = ctypes.c_int(), ctypes.c_int()
        cuda.cuDeviceGet(ctypes.byref(device), index)
        cuda.cuDeviceGetName(name, 256, device)
        cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
        cuda.cuDeviceGetAttribute(ctypes.byref(major), CAPABILITY_MAJOR, device)
        cuda.cuDeviceGetAttribute(ctypes.byref(minor), CAPABILITY_MINOR, device)
        found.append({"name": name.value.decode(), "capability": [major.value, minor.value], "memory": memory.value,
                      "driver_cuda": number.value})
    return found, "" if found else "the NVIDIA driver shows no GPU (CUDA_VISIBLE_DEVICES?)"


def torch_of(python):
    """torch as this Python has it; {} without."""
    try:
        done = subprocess.run([python, "-c", ASK_TORCH], capture_output=True, text=True, timeout=300)
        return {**json.loads(done.stdout.splitlines()[-1]), "python": python} if done.returncode == 0 else {}
    except (OSError, subprocess.TimeoutExpired, IndexError, ValueError):
        return {}


def new_enough(version, wanted):
    return [int(part) for part in re.findall(r"\d+", version)[:2]] >= wanted


def find_torch():
    for python in dict.fromkeys(("python3", "python", sys.executable)):
        found = torch_of(python) if shutil.which(python) else {}
        if found:
            return found
    return {}


def inspect():
    """(the machine in plain values, what is missing, as sentences)."""
    found, reason = gpus()
    tools = {name: shutil.which(name) or "" for name in TOOLS}
    tools["nvcc"] = tools["nvcc"] or shutil.which("nvcc", path="/usr/local/cuda/bin") or ""
    torch = find_torch()
    missing = [] if found else [f"a GPU: {reason}"]
    missing += [f"{name}: {what}" for name, what in TOOLS.items() if not tools[name]]
    return {"gpus": found, "no_gpu_because": reason, "tools": tools, "torch": torch, "system": platform.platform(),
            "compute_sanitizer": shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path="/usr/local/cuda/bin")
            or ""}, missing
