"""Several processes on one machine, started and watched: `unfazed train … --num-processes 2`.

Light: the process that watches never imports torch. For several machines, or a scheduler that starts processes
itself, use `accelerate launch`, torchrun or mpirun in its place: the processes find one another in the same way.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from unfazed.device import cores
from unfazed.errors import ProcessLostError, UsageError

FLAG, MARK = "--num-processes", "UNFAZED_LAUNCHED"
NOTE = "UNFAZED_NOTE"  # names a file in which the first process leaves word for who watches
GRACE = 10.0  # seconds that the others have to end by themselves, once one has failed
POLL = 0.1
ORPHANED = 0.5  # seconds within which a process notices that its launcher is gone
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK")


def follows() -> bool:
    """Whether the environment names this process as another than the first of several: one that keeps silent."""
    return any(int(os.environ.get(name) or 0) > 0 for name in _RANKS)


def is_launched() -> bool:
    """Whether `launched` has started this process."""
    return MARK in os.environ


def speaks(error: BaseException) -> bool:
    """Whether this process is one that tells of `error`: what every process finds alike is said once a machine."""
    if isinstance(error, KeyboardInterrupt | ProcessLostError):
        return not follows()
    return int(os.environ.get("LOCAL_RANK") or 0) == 0 or not isinstance(error, UsageError)


def launched(count: int, arguments: Sequence[str] | None = None) -> int:
    """Run this command in `count` processes; the exit status of the first that failed, else 0.

    Raises:
        UsageError: the count is out of range, or this is one of several processes already.
        ProcessLostError: the first one, which speaks for all, was killed.
    """
    if not 1 <= count <= 1024:
        raise UsageError(f"{FLAG} {count}: wants 1 to 1024")
    if int(os.environ.get("WORLD_SIZE") or 1) > 1:
        raise UsageError(f"{FLAG} does not go with accelerate launch or torchrun: they start the processes themselves")
    command = [sys.executable, "-m", "unfazed", *(sys.argv[1:] if arguments is None else arguments)]
    port = _free_port()
    with _note() as note:
        environments = [_environment(rank, count, port, note) for rank in range(count)]
        processes = [  # in sessions of their own: Ctrl-C is to reach each of them once, from here
            subprocess.Popen(command, env=environment, start_new_session=True) for environment in environments
        ]
        with _passing_on(processes) as passed:
            failures = _watched(processes)
        rank, status = next(iter(failures.items()), (0, 0))
        if status < 0:
            if rank == 0 and not passed:
                raise ProcessLostError(_killed(-status, count, note.read_text()))
            return 128 - status
    return failures.get(0, status)  # the first one's: when it fails, others may be seen to end before it


def leave_word(text: str) -> None:
    """Tell who watches this process how to go on, should it be killed."""
    if note := os.environ.get(NOTE):
        with suppress(OSError):
            Path(note).write_text(text)


def end_with_launcher() -> None:
    """Stop as after Ctrl-C where the process that `launched` this one is killed: nobody else would end it."""

    def watch() -> None:
        while os.getppid() == launcher:
            time.sleep(ORPHANED)
        os.kill(os.getpid(), signal.SIGINT)

    launcher = int(os.environ.get(MARK) or 0)
    if launcher and sys.platform != "win32":  # where a process keeps the number of a parent that has gone
        threading.Thread(target=watch, daemon=True).start()


def _environment(rank: int, count: int, port: int, note: Path) -> dict[str, str]:
    own = {MARK: os.getpid(), NOTE: note}
    names = {**own, "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    threads = {"OMP_NUM_THREADS": str(max(1, cores() // count))}
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return {**threads, **os.environ, **where, **{name: str(value) for name, value in names.items()}}


@contextmanager
def _note() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="unfazed-", ignore_cleanup_errors=True) as folder:
        note = Path(folder) / "note"
        note.touch()
        yield note


def _watched(processes: list["subprocess.Popen[bytes]"]) -> dict[int, int]:
    """Wait until all have ended; when one has failed, the others are given a moment and then ended.

    The exit statuses of those that failed, by rank, in the order in which they ended.
    """
    failed_at: float | None = None
    failures: dict[int, int] = {}
    while True:
        running = [process for process in processes if process.poll() is None]
        now = {rank: process.returncode for rank, process in enumerate(processes) if process.returncode}
        failures |= {rank: status for rank, status in now.items() if rank not in failures}
        if not running:
            return failures
        if failures and failed_at is None:
            failed_at = time.monotonic()
        if failed_at is not None and time.monotonic() - failed_at > GRACE:
            for process in running:
                process.kill()
        time.sleep(POLL)


@contextmanager
def _passing_on(processes: list["subprocess.Popen[bytes]"]) -> Iterator[list[int]]:
    """Signals that would end this process go to those it watches, which know how to stop; which ones were passed on."""
    passed: list[int] = []

    def to_all(number: int, _frame: FrameType | None) -> None:
        passed.append(number)
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    before = {number: signal.signal(number, to_all) for number in _SIGNALS}
    try:
        yield passed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _killed(number: int, count: int, word: str) -> str:
    """What became of the first process; `word`: what it left, where it had begun a run."""
    hint = ", as the system does where memory runs out" if number == 9 else ""
    then = word or "no run was begun: start again"
    return f"the first of {count} processes was ended by signal {number}{hint}; {then}"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
