"""Which device this machine offers, and the number format it trains best in: a table, never a stopwatch.

Torch is imported inside the functions that need it: counting processors is for the light half too.
"""

import ctypes
import math
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from unfazed.errors import UsageError

if TYPE_CHECKING:
    import torch

LARGEST_EVALUATED = 1 << 26  # numbers of a batch that a GPU evaluates: 256 MB of float32


def best_device() -> "torch.device":
    """The first CUDA GPU where there is one, else the CPU."""
    import torch

    return torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")


def best_precision(device: "torch.device") -> str:
    """`"bfloat16"` where the device multiplies in it natively (AVX512-BF16, AMX, Ampere or later), else `"float32"`."""
    import torch

    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float32"
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bfloat16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"


def evaluation_batch(device: "torch.device", shape: Sequence[int]) -> int:
    """Examples of a forward pass in evaluation, encoded in arrays of `shape`.

    On a CPU few enough for its caches; on a GPU enough to fill it, and of large ones fewer: they are copied through
    memory that stays in its place, and the first layers' numbers are many times theirs.
    """
    return max(1, min(1024, LARGEST_EVALUATED // math.prod(shape))) if device.type == "cuda" else 128


def wait_for(device: "torch.device") -> None:
    """Return once the device has done what it was told: a GPU's steps are otherwise timed by how fast it is told."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


def check_compiler(device: "torch.device") -> None:
    """Raise UsageError where torch.compile would lack a compiler: for C++ on the CPU, for C on a GPU (Triton's)."""
    if device.type == "cuda":
        language, names = "C", [os.environ["CC"]] if os.environ.get("CC") else ["gcc", "clang"]
    else:
        language, names = "C++", [os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")]
    if not any(shutil.which(name) for name in names):
        raise UsageError(
            f'compile = "yes" needs a {language} compiler on {"a GPU" if device.type == "cuda" else "the CPU"}, and '
            f"there is no {' or '.join(names)}: install it, or leave it out"
        )


def keep_freed_memory() -> None:
    """Let this process keep freed arrays of up to 32 MB for the next ones, where the C library is glibc.

    It would give them back to the system each time and have every page of the next ones zeroed again: a tenth of a
    training step on a CPU. What is kept is given back from a gigabyte on.
    """
    if sys.platform != "linux":
        return
    trim_threshold, mmap_threshold, largest = -1, -3, 32 << 20  # from malloc.h; glibc refuses a larger threshold
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(mmap_threshold, largest)
        library.mallopt(trim_threshold, 1 << 30)


def describe(device: "torch.device") -> str:
    """The device in words: `NVIDIA H100`, `CPU, 2 cores (x86_64)`."""
    if device.type == "cuda":
        import torch

        return torch.cuda.get_device_name(device)
    return f"CPU, {cores()} core{'s' * (cores() != 1)} ({platform.machine()})"


def memory() -> int:
    """Bytes of memory that this process may use: the machine's, less where a container or `ulimit` gives less."""
    found = [_machine_memory()]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # "max": no limit
            found.append(int(Path(path).read_text()))
    with suppress(ImportError, AttributeError):
        import resource

        limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS)]
        found += [limit for limit in limits if limit != resource.RLIM_INFINITY]
    return min(found)


def _machine_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return 8 << 30


def cores() -> int:
    """Processors this process may use; fewer than the machine has inside a container or under `taskset`."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
