"""Several processes on one machine, started and watched: `unfazed train … --num-processes 2`.

Light: the process that watches never imports torch. For several machines, or a scheduler that starts processes
itself, use `accelerate launch`, torchrun or mpirun in its place: the processes find one another in the same way.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from unfazed.device import cores
from unfazed.errors import ProcessLostError, UsageError

FLAG, MARK = "--num-processes", "UNFAZED_LAUNCHED"
GRACE = 10.0  # seconds that the others have to end by themselves, once one has failed
POLL = 0.1
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
    """
    if not 1 <= count <= 1024:
        raise UsageError(f"{FLAG} {count}: wants 1 to 1024")
    if int(os.environ.get("WORLD_SIZE") or 1) > 1:
        raise UsageError(f"{FLAG} does not go with accelerate launch or torchrun: they start the processes themselves")
    command = [sys.executable, "-m", "unfazed", *(sys.argv[1:] if arguments is None else arguments)]
    port = _free_port()
    processes = [  # in sessions of their own: Ctrl-C is to reach each of them once, from here
        subprocess.Popen(command, env=_environment(rank, count, port), start_new_session=True) for rank in range(count)
    ]
    with _passing_on(processes):
        return _watched(processes)


def _environment(rank: int, count: int, port: int) -> dict[str, str]:
    names = {MARK: 1, "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    threads = {"OMP_NUM_THREADS": str(max(1, cores() // count))}
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return {**threads, **os.environ, **where, **{name: str(value) for name, value in names.items()}}


def _watched(processes: list["subprocess.Popen[bytes]"]) -> int:
    """Wait until all have ended; when one has failed, the others are given a moment and then ended."""
    failed_at, status = None, 0
    while any(process.poll() is None for process in processes):
        failed = [process.returncode for process in processes if process.returncode]
        if failed and failed_at is None:
            failed_at, status = time.monotonic(), failed[0]
        if failed_at is not None and time.monotonic() - failed_at > GRACE:
            for process in processes:
                if process.poll() is None:
                    process.kill()
        time.sleep(POLL)
    status = status or next((process.returncode for process in processes if process.returncode), 0)
    return status if status >= 0 else 128 - status


@contextmanager
def _passing_on(processes: list["subprocess.Popen[bytes]"]) -> Iterator[None]:
    """Signals that would end this process go to those it watches, which know how to stop."""

    def to_all(number: int, _frame: FrameType | None) -> None:
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    before = {number: signal.signal(number, to_all) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
