"""What is asked of the machine."""

import ctypes
import sys
from pathlib import Path

import pytest
import torch

from unfazed import device
from unfazed.device import check_compiler, evaluation_batch, keep_freed_memory
from unfazed.errors import UsageError


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_freed_memory_is_kept_where_the_c_library_can(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Library:
        def mallopt(self, name: int, value: int) -> int:
            asked.append((name, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    keep_freed_memory()
    assert dict(asked) == {-3: 32 << 20, -1: 1 << 30}  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())  # musl has no mallopt
    keep_freed_memory()


@pytest.mark.parametrize(("cores", "said"), [(1, "CPU, 1 core ("), (8, "CPU, 8 cores (")])
def test_processors_are_counted_in_words(cores: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cores", lambda: cores)
    assert device.describe(torch.device("cpu")).startswith(said)


def test_a_gpu_evaluates_fewer_of_what_is_large() -> None:
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert evaluation_batch(gpu, (3, 32, 32)) == 1024
    assert 1 <= evaluation_batch(gpu, (3, 1024, 1024)) * 3 * 1024 * 1024 * 4 <= 256 << 20
    assert evaluation_batch(gpu, (1 << 30,)) == 1
    assert evaluation_batch(cpu, (3, 32, 32)) == evaluation_batch(cpu, (3, 1024, 1024)) == 128


@pytest.mark.parametrize(("kind", "language"), [("cpu", r"C\+\+"), ("cuda", "C")])
def test_compiling_asks_for_the_compiler_that_it_calls(
    kind: str, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    check_compiler(torch.device("cpu"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=f"needs a {language} compiler"):
        check_compiler(torch.device(kind))
    compiler = tmp_path / {"cpu": "g++", "cuda": "clang"}[kind]
    compiler.touch(0o755)
    if sys.platform == "linux":
        check_compiler(torch.device(kind))
