"""Encoded examples on disk: decoded once, then read by every later epoch and every later run.

A store is a folder with the records of one encoding: `records.bin`, encoded examples of one size, one after the other;
`index.bin`, the sha256 of each one's content in the same order; `store.json`, what they are. A record counts once its
digest is in the index, and that is written when the record itself is on the disk: what a killed process left beyond,
the next writer cuts off. What counts is never changed again, so readers need no lock.

A store that is removed while another process uses it harms nobody: on POSIX open files stay until they are closed, and
elsewhere the removal is refused.

Axis letters: S records of a store, n contents. A content is its sha256, 32 bytes, numpy's "S32".
"""

import json
import math
import os
import re
import shutil
import tempfile
from contextlib import suppress
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.device import memory
from unfazed.errors import CacheError, DiskFullError, UsageError
from unfazed.files import cache_folder, locked, write_bytes

FORMAT = 1
DIGEST = 32  # bytes of a sha256
LIMIT, LIMIT_VARIABLE = "20 GB", "UNFAZED_CACHE_LIMIT"
RESERVE = 1_000_000_000  # bytes of the disk that are left to others
Contents = NDArray[np.bytes_]
Slots = NDArray[np.int64]


class Encoding(NamedTuple):
    """What decides how a content is encoded: the same content in the same encoding is the same array."""

    modality: str
    decoder: str
    preprocessor: str  # as JSON
    shape: tuple[int, ...]  # of one record
    dtype: str = "uint8"

    @property
    def about(self) -> dict[str, Any]:
        """What `store.json` says."""
        return {"format": FORMAT, **self._asdict(), "shape": list(self.shape)}

    @property
    def key(self) -> str:
        """The name of the store's folder."""
        return sha256(json.dumps(self.about, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def record_bytes(self) -> int:
        """Bytes of one record."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class Store:
    """The records of one encoding, on disk. It stays usable where its folder is removed meanwhile."""

    def __init__(self, folder: Path, encoding: Encoding):
        """`folder` has a `store.json`; its other files are made where they are missing."""
        self.folder, self.encoding = folder, encoding
        self._index, self._records, self._lock = (_file(folder / name) for name in ("index.bin", "records.bin", "lock"))
        os.utime(folder / "store.json")  # used now

    @classmethod
    def open(cls, encoding: Encoding) -> "Store":
        """The store of an encoding, empty where there was none, or one that is damaged or foreign.

        Raises:
            CacheError: it cannot be made, or not be written.
        """
        folder = stores_folder() / encoding.key
        try:
            folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds people's data
            with _file(folder.parent.with_suffix(".lock")) as lock, locked(lock):  # two that begin one store at once
                if _about(folder) != encoding.about:
                    remove(folder)
                    folder.mkdir(exist_ok=True, mode=0o700)
                    write_bytes(folder / "store.json", json.dumps(encoding.about, indent=1).encode())
                return cls(folder, encoding)
        except DiskFullError as error:
            raise CacheError(f"the cache {folder} cannot be used: its disk is full") from error
        except OSError as error:
            raise CacheError(f"the cache {folder} cannot be used: {error.strerror or error}") from error

    def __len__(self) -> int:
        """S: the records that are whole and have a digest."""
        digests = os.fstat(self._index.fileno()).st_size // DIGEST
        return min(digests, os.fstat(self._records.fileno()).st_size // self.encoding.record_bytes)

    def slots(self, contents: Contents) -> Slots:
        """Where the records of `contents` [n] are, [n]; -1 = not there."""
        count = len(self)
        self._index.seek(0)
        return _places(contents, np.frombuffer(self._index.read(count * DIGEST), f"S{DIGEST}"))

    def append(self, contents: Contents, records: NDArray[Any]) -> None:
        """Add the `records` [n, ...] of `contents` [n], safe on the disk when this returns.

        Raises:
            CacheError: they cannot be written.
        """
        try:
            with locked(self._lock):
                count = len(self)
                _extend(self._records, count * self.encoding.record_bytes, records)
                _extend(self._index, count * DIGEST, contents)
        except OSError as error:
            raise CacheError(f"the cache {self.folder} cannot be written: {error.strerror or error}") from error

    def records(self) -> NDArray[Any]:
        """All records [S, ...], mapped from the file: read when they are looked at, and held by no one."""
        shape = (len(self), *self.encoding.shape)
        return np.memmap(self._records, self.encoding.dtype, "r", shape=shape)

    def close(self) -> None:
        """Let go of the files; what was mapped stays."""
        for file in (self._index, self._records, self._lock):
            file.close()


class Memory:
    """Records in one array in memory: what `Store` is on disk, and gone with the process."""

    def __init__(self, encoding: Encoding, count: int):
        """Room for `count` records.

        Raises:
            CacheError: they would fill more than half of the memory.
        """
        needed, there = count * encoding.record_bytes, memory() // int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
        if needed > there // 2:
            raise CacheError(
                f"the encoded examples take {_size(needed)}, more than half of the memory ({_size(there)}): keep them "
                "on a disk (--cache disk), or decode them for every batch (--cache none)"
            )
        self.encoding = encoding
        self._records = np.empty((count, *encoding.shape), encoding.dtype)
        self._contents = np.zeros(count, f"S{DIGEST}")
        self._count = 0

    def slots(self, contents: Contents) -> Slots:
        """Where the records of `contents` [n] are, [n]; -1 = not there."""
        return _places(contents, self._contents[: self._count])

    def append(self, contents: Contents, records: NDArray[Any]) -> None:
        """Add the `records` [n, ...] of `contents` [n]."""
        end = self._count + len(contents)
        self._contents[self._count : end], self._records[self._count : end] = contents, records
        self._count = end

    def records(self) -> NDArray[Any]:
        """All records [S, ...]."""
        return self._records[: self._count]


class Stored(NamedTuple):
    """A store as `unfazed cache` lists it."""

    path: Path
    modality: str
    shape: tuple[int, ...]
    records: int
    bytes: int
    used: float  # seconds since 1970


def opened(encoding: Encoding, contents: Contents) -> Store:
    """The store of an encoding, with room for those of `contents` [n], each given once, that it does not hold.

    Where the limit or the disk is short, the stores that were not used for longest go; and at last the records of
    this one, where others than `contents` fill it.

    Raises:
        CacheError: there is no room even so, or the store cannot be used.
    """
    store = Store.open(encoding)
    lacking = int((store.slots(contents) < 0).sum())
    if not lacking:
        return store
    others = sorted((one for one in stores() if one.path != store.folder), key=lambda one: one.used)
    size, own = encoding.record_bytes + DIGEST, _bytes(store.folder)
    free = shutil.disk_usage(store.folder).free - RESERVE
    in_others = sum(one.bytes for one in others)
    room = min(limit() - own - in_others, free)
    if lacking * size > room + in_others:
        if len(contents) * size > room + in_others + own:
            if not len(store):
                remove(store.folder)
            raise CacheError(_no_room(len(contents) * size, free + in_others + own < limit(), free + RESERVE))
        store.close()
        remove(store.folder)
        store, room, lacking = Store.open(encoding), room + own, len(contents)
    for one in others:
        if lacking * size > room and remove(one.path):
            room += one.bytes
    return store


def stores() -> list[Stored]:
    """Every store there is, damaged ones left out."""
    folder = stores_folder()
    return [found for path in sorted(folder.iterdir()) if (found := _stored(path))] if folder.is_dir() else []


def kept_bytes() -> int:
    """Bytes of all that is kept."""
    return _bytes(stores_folder())


def clear() -> int:
    """Remove every store, and whatever else lies beside them; the bytes that were freed."""
    folder = stores_folder()
    paths = list(folder.iterdir()) if folder.is_dir() else []
    sizes = {path: _bytes(path) for path in paths}
    return sum(sizes[path] for path in paths if remove(path))


def stores_folder() -> Path:
    """Where the stores are, and the notes on files that were read."""
    return cache_folder() / "encoded"


def notes() -> Path:
    """Where it is noted which content each file had: see `seen`."""
    return stores_folder() / "files.sqlite"


def limit() -> int:
    """Bytes that all stores together may take.

    Raises:
        UsageError: `UNFAZED_CACHE_LIMIT` is no size.
    """
    text = os.environ.get(LIMIT_VARIABLE, "").strip() or LIMIT
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", text, re.IGNORECASE)
    if match is None:
        raise UsageError(f'{LIMIT_VARIABLE} is "{text}": it wants a size, such as 50GB or 500MB')
    return int(float(match[1]) * 1000 ** " KMGT".index(match[2].upper() or " "))


def remove(path: Path) -> bool:
    """Remove a store, all at once for whoever opens it next; whether it is gone."""
    if not path.exists() and not path.is_symlink():
        return True
    try:
        grave = Path(tempfile.mkdtemp(prefix=".removed-", dir=path.parent))
        path.rename(grave / "store")
    except OSError:
        return False
    shutil.rmtree(grave, ignore_errors=True)
    return True


def digests(hexadecimal: list[str]) -> Contents:
    """Contents [n] from their sha256 in hexadecimal digits."""
    return np.array([bytes.fromhex(text) for text in hexadecimal], dtype=f"S{DIGEST}")


def _places(wanted: Contents, among: Contents) -> Slots:
    """The position of each of `wanted` [n] in `among`; -1 = not there."""
    if not len(among):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(among, kind="stable")
    place = order[np.searchsorted(among, wanted, sorter=order).clip(max=len(among) - 1)]
    return np.where(among[place] == wanted, place, -1)


def _extend(file: FileIO, end: int, data: NDArray[Any]) -> None:
    """Put `data` at `end`, the end of what counts, and on the disk."""
    file.truncate(end)
    file.seek(end)
    left = np.ascontiguousarray(data).view(np.uint8).reshape(-1).data
    while left:
        left = left[file.write(left) :]
    os.fsync(file.fileno())


def _file(path: Path) -> FileIO:
    return FileIO(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600), "r+")


def _about(folder: Path) -> Any:
    """What `store.json` says, None where it says nothing."""
    try:
        return json.loads((folder / "store.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _stored(path: Path) -> Stored | None:
    about = _about(path)
    try:
        encoding = Encoding(**{name: about[name] for name in Encoding._fields})
        if encoding.about != about:
            return None
        records = (path / "index.bin").stat().st_size // DIGEST
        used = (path / "store.json").stat().st_mtime
    except (OSError, TypeError, KeyError):
        return None
    return Stored(path, encoding.modality, tuple(encoding.shape), records, _bytes(path), used)


def _bytes(path: Path) -> int:
    """Of a file, or of the files of a folder; what another process removes meanwhile does not count."""
    total = 0
    for file in (path, *(Path(folder, name) for folder, _, names in os.walk(path) for name in names)):
        with suppress(OSError):
            total += file.lstat().st_size if not file.is_dir() else 0
    return total


def _no_room(needed: int, disk_is_short: bool, free: int) -> str:
    if disk_is_short:
        return (
            f"the encoded examples take {_size(needed)}, and the disk of {stores_folder()} has {_size(free)} free, of "
            f"which {_size(RESERVE)} are left to others: free some space, or set XDG_CACHE_HOME to a folder on a "
            "larger disk"
        )
    return (
        f"the encoded examples take {_size(needed)}, more than the {_size(limit())} that the cache may: set "
        f"{LIMIT_VARIABLE} to a larger size"
    )


def _size(number: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number} bytes"
