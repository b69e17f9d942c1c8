"""What is needed to go on with a run: a folder of files under a new name, then one pointer renamed.

    state/000000123-x/arrays.safetensors   every tensor of the state at step 123
    state/000000123-x/state.json           everything else, and where the tensors belong
    state/000000123-x/best.safetensors     the best weights so far, where there are any
    state/current                          the name of the newest whole folder
    state/lock                             the number of the process that is training the run

A process that is killed anywhere leaves the pointer at a folder that is whole. Nothing is pickled.
"""

import errno
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch

from unfazed.errors import RunError, UnfazedError
from unfazed.files import locked, unreadable, write_bytes, writing
from unfazed.run import Run

FOLDER, POINTER, LOCK = "state", "current", "lock"
BEST = "best.safetensors"
_HELD: set[Path] = set()  # locks of this process: events that nobody asks for any more may keep one for long


@contextmanager
def held(run: Run) -> Iterator[None]:
    """The run is this process's alone while the block lasts; the system lets go of it where the process dies.

    Where the file system has no locks, or no room for one, nobody is kept out.

    Raises:
        RunError: another process is training it.
    """
    path = (run.path / FOLDER / LOCK).absolute()
    if path in _HELD:
        yield
        return
    with ExitStack() as stack:
        if sys.platform == "win32":
            stack.callback(_let_go, path)  # last: a file that is open cannot be removed there
        if _taken(run, path, stack):
            _HELD.add(path)
            stack.callback(_let_go, path)  # while it is still locked: nobody else can have it
        yield


def _taken(run: Run, path: Path, stack: ExitStack) -> bool:
    """Whether this process has the lock now, until the stack is left; there may be none to be had.

    Raises:
        RunError: another process has it.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)  # a run may be somebody else's
    try:
        path.parent.mkdir(exist_ok=True)
        file = stack.enter_context(FileIO(os.open(path, flags, 0o644), "r+"))
    except OSError:
        return False
    try:
        stack.enter_context(locked(file, wait=False))
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            return False
        number = ""
        with suppress(OSError):
            number = file.read(20).decode(errors="replace").strip()
        raise RunError(
            f"{run.path} is being trained by another process{number and f' (pid {number})'}: wait until it has ended, "
            "or end it"
        ) from error
    try:
        ours = os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        ours = False
    if not ours:
        return _taken(run, path, stack)  # removed meanwhile, by the one that had it
    with suppress(OSError):
        file.truncate()
        file.write(f"{os.getpid()}".encode())
    return True


def _let_go(path: Path) -> None:
    _HELD.discard(path)
    with suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()  # where nothing was kept


def save(run: Run, state: Mapping[str, Any]) -> None:
    """Keep `state`, nested dictionaries and lists of tensors, arrays and plain values; older ones are removed.

    The weights that the run holds as its best at this moment are kept with it.

    Raises:
        DiskFullError: the disk is full. UsageError: the run may not be written to. The state before stays whole.
    """
    with writing(run.path / FOLDER):
        (run.path / FOLDER).mkdir(exist_ok=True)
        folder = Path(mkdtemp(dir=run.path / FOLDER, prefix=f"{state['loop']['step']:09}-"))
    try:
        _fill(folder, state, run.path / "model.safetensors")
        write_bytes(run.path / FOLDER / POINTER, folder.name.encode())
    except (OSError, UnfazedError):
        shutil.rmtree(folder, ignore_errors=True)  # the pointer still leads to the one before
        raise
    for other in (run.path / FOLDER).iterdir():
        if other.is_dir() and other != folder:
            shutil.rmtree(other, ignore_errors=True)


def _fill(folder: Path, state: Mapping[str, Any], best: Path) -> None:
    from safetensors.torch import save as packed

    tensors: dict[str, torch.Tensor] = {}
    plain = _packed(state, "state", tensors)
    write_bytes(folder / "arrays.safetensors", packed(_apart(tensors)))
    write_bytes(folder / "state.json", json.dumps(plain).encode())
    if best.exists():
        write_bytes(folder / BEST, best.read_bytes())


def _apart(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors, copied where they lie in the memory of an earlier one: safetensors takes none that do."""
    seen, apart = set[int](), {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return apart


def load(run: Run) -> dict[str, Any] | None:
    """The newest state; None where there is none.

    Raises:
        RunError: the state is damaged, or cannot be read. OutOfMemoryError: there is no room for it.
    """
    from safetensors.torch import load_file

    folder = _newest(run)
    if folder is None:
        return None
    file = folder / "arrays.safetensors"
    try:
        file.open("rb").close()  # safetensors calls missing what it may not open
        tensors = load_file(file)
        file = folder / "state.json"
        state = _unpacked(json.loads(file.read_text()), tensors)
        if not isinstance(state, dict):
            raise ValueError(f"it holds a {type(state).__name__}, not a state")
    except Exception as error:  # safetensors raises its own kinds
        raise unreadable(file, error) from error
    return state


def put_back_best(run: Run) -> None:
    """Give the run the best weights that it had when the newest state was kept."""
    folder = _newest(run)
    if folder is not None and (folder / BEST).exists():
        write_bytes(run.path / "model.safetensors", (folder / BEST).read_bytes())


def _newest(run: Run) -> Path | None:
    pointer = run.path / FOLDER / POINTER
    if not pointer.exists():
        return None
    return run.path / FOLDER / Path(pointer.read_text(errors="replace").strip()).name


def remove(run: Run) -> None:
    """Drop the state of a run that is complete.

    The pointer goes first: killed on the way, a run has no state rather than a damaged one.
    """
    (run.path / FOLDER / POINTER).unlink(missing_ok=True)
    shutil.rmtree(run.path / FOLDER, ignore_errors=True)


def _packed(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """`value` as JSON, its tensors and arrays moved to `tensors` under their place."""
    match value:
        case torch.Tensor():
            tensors[name] = value.detach().cpu().contiguous()
            return {"$tensor": name}
        case np.ndarray():
            tensors[name] = torch.from_numpy(np.ascontiguousarray(value))
            return {"$array": name}
        case Mapping():
            items = [[key, _packed(inner, f"{name}/{key}", tensors)] for key, inner in value.items()]
            return {"$items": items}  # pairs: JSON would turn the optimizer's numbers into text
        case list() | tuple():
            return [_packed(inner, f"{name}/{place}", tensors) for place, inner in enumerate(value)]
        case _:
            return value


def _unpacked(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    match value:
        case {"$tensor": name}:
            return tensors[name]
        case {"$array": name}:
            return tensors[name].numpy()
        case {"$items": items}:
            return {key: _unpacked(inner, tensors) for key, inner in items}
        case list():
            return [_unpacked(inner, tensors) for inner in value]
        case _:
            return value
