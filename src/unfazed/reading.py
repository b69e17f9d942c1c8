"""Reading many inputs at once: every core decodes, few results wait, and a failure is a fact, not an exception."""

import errno
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

from unfazed.device import cores
from unfazed.errors import InputError
from unfazed.source_table import ADDRESSES

MAX_BYTES = 1 << 30
PROBED, BLOCK = 5, 1024
LONG = 5e-4  # seconds for one item: in a quarter of that, two threads were half as fast as one (docs/LOG.md)
_REASONS = {
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "a link that leads to itself",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOTDIR: "no such file",
}
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Reading(NamedTuple):
    """One input that was read, or the reason why not."""

    raw: Any | None
    sha256: str  # of the bytes; empty where they could not be read
    problem: str | None


def reading(
    path: str | Path,
    read: Callable[[bytes], Any],
    load: Callable[[str], bytes] | None = None,
    identity: Callable[[bytes], bytes] = bytes,
) -> Reading:
    """One input through `read`: a file, or what `load` makes of its name; hashed is its `identity`."""
    digest = ""
    try:
        data = file_bytes(path) if load is None else load(str(path))
        digest = sha256(identity(data)).hexdigest()
        return Reading(read(data), digest, None)
    except InputError as error:
        return Reading(None, digest, str(error))


def parallel(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """`map`, in order, with a bounded number of results waiting: over all cores where that is worth it.

    Threads that share one interpreter take longer over quick items, such as small images, than one thread does. So the
    first of every BLOCK are timed, and the others are handed to threads where an item takes long.
    """
    remaining = iter(items)
    while timed := [_timed(function, item) for item in islice(remaining, PROBED)]:
        yield from (result for result, _ in timed)
        block = islice(remaining, BLOCK)
        yield from _threaded(function, block) if median(took for _, took in timed) > LONG else map(function, block)


def _timed(function: Callable[[_Item], _Result], item: _Item) -> tuple[_Result, float]:
    before = time.perf_counter()
    return function(item), time.perf_counter() - before


def _threaded(function: Callable[[_Item], _Result], items: Iterator[_Item]) -> Iterator[_Result]:
    workers = cores()
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[_Result]] = deque()
        try:
            waiting.extend(pool.submit(function, item) for item in islice(items, 2 * workers))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in islice(items, 1))
        finally:
            for future in waiting:
                future.cancel()


def file_bytes(path: str | Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        InputError: it cannot be read; a pipe or a device is refused before it can hang the run.
    """
    if not str(path):
        raise InputError("no path given")
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError("is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise InputError("not a regular file")
        if status.st_size > MAX_BYTES:
            raise InputError(f"file of {status.st_size / 1e9:.1f} GB is over the limit of {MAX_BYTES / 1e9:.1f} GB")
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(_missing(str(path))) from error
    except OSError as error:
        raise InputError(_REASONS.get(error.errno or 0, (error.strerror or "cannot be read").lower())) from error
    except ValueError as error:  # a null byte in the name
        raise InputError("the name holds a null byte") from error
    except MemoryError as error:
        raise InputError("not enough memory to read it") from error


def _missing(path: str) -> str:
    if path.startswith(ADDRESSES):
        return "an address, not a file: download it first"
    if Path(path).is_symlink():
        return "a link to a file that is not there"
    return "no such file" if "\\x" not in path else "no such file: is its name valid UTF-8?"

