"""When memory runs out: the same work again, in halves.

Nothing is decided beforehand and nothing is lost: a caller hands over what to do with parts of a given size, and gets
its result and the size that fitted. What has no parts is one clear error.
"""

import gc
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

import torch

from unfazed.errors import OutOfMemoryError

_SIGNS = (  # in what torch and those below it say: the caching allocator, the CPU's, oneDNN, cuDNN, cuBLAS, cuFFT
    "out of memory",
    "can't allocate memory",
    "could not create a primitive",
    "could not create a memory object",
    "alloc_failed",
    "allocation_failed",
    "unable to find an engine",  # each of cuDNN's wanted more working memory than there was
    "cublas_status_not_initialized",
    "cufft_internal_error",
    "bad_alloc",
)
_Result = TypeVar("_Result")


def ran_out(error: BaseException) -> bool:
    """Whether `error` says that memory, of the device or of the machine, ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def halving(
    attempt: Callable[[int], _Result], count: int, most: int, agreed: Callable[[bool], bool] = bool
) -> tuple[_Result, int]:
    """What `attempt(size)` returns for the largest size that fits, and how many may be tried from now on.

    Begins with `count` examples, at most `most` at a time; while memory runs out the size is halved and everything is
    attempted again from the start. agreed: whether any of several processes ran out, told whether this one did; all of
    them then halve together.

    Raises:
        OutOfMemoryError: a size of 1 does not fit.
    """
    size = asked = max(1, min(most, count))
    while True:
        result, reason = _attempted(attempt, size)
        if reason is not None:
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        if not agreed(reason is not None):
            assert result is not None
            return result, size if size < asked else most
        del result
        if size == 1:
            raise OutOfMemoryError(
                "memory ran out, and a single example at a time does not fit either: make the examples or the model "
                f"smaller (image_size, width). The system said: {reason or 'it happened in another process'}"
            )
        size = -(-size // 2)


def at_once(attempt: Callable[[], _Result], doing: str, remedy: str) -> _Result:
    """What `attempt()` returns, which cannot be done in parts.

    Raises:
        OutOfMemoryError: memory ran out while `doing`; the message ends with the `remedy`.
    """
    result, reason = _attempted(lambda _: attempt(), 1)
    if reason is not None:
        raise OutOfMemoryError(f"memory ran out while {doing}: {remedy}. The system said: {reason}")
    return cast(_Result, result)


def each(items: Iterable[_Result], doing: str, remedy: str) -> Iterator[_Result]:
    """The items, each of which is made `at_once`."""
    iterator = iter(items)
    while (item := at_once(lambda: next(iterator, None), doing, remedy)) is not None:
        yield item


def _attempted(attempt: Callable[[int], _Result], size: int) -> tuple[_Result | None, str | None]:
    """The result, or why there is none. The exception ends here: what its frames hold has to be let go of."""
    try:
        return attempt(size), None
    except Exception as error:
        if not ran_out(error):
            raise
        return None, brief(error)


def brief(error: Exception) -> str:
    """What the system said, in one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
