"""What a model says of examples: the one way from arrays to probabilities, or numbers.

Validation during training, the final evaluation and `Predictor` all come through `outputs`.
Axis letters: n examples, K classes, D embedding width.
"""

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Lock
from typing import Any, NamedTuple, Protocol, cast
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unfazed.batch import Batch, sent
from unfazed.criterion import mixture, probabilities
from unfazed.memory import at_once, each, halving
from unfazed.model.gaussian import GaussianHead


class Outputs(NamedTuple):
    """Probabilities and embeddings, on the CPU."""

    probs: NDArray[np.float32]  # [n, K]; of standardised numbers [n, 1], or with their deviations [n, 2]
    embeddings: NDArray[np.float32]  # [n, D]


_REMEDY = "make the examples smaller (image_size), or leave it more memory: other programs may have taken much of it"
_fitting: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()  # examples at once, of models that memory ran out for
_switching = Lock()  # of what is global in torch
_turning_back = ExitStack()
_computing = 0  # how many calls of `outputs` are under way, in any thread


def most_at_once(model: nn.Module) -> int:
    """How many examples may be evaluated at once; any number, unless memory has run out."""
    return _fitting.get(model, sys.maxsize)


class Model(Protocol):
    """What a network must offer to be evaluated. Where its `multilabel` is true, each output is a label by itself."""

    head: nn.Module

    def embed(self, x: Tensor, length: Tensor | None = None) -> Tensor: ...


@torch.inference_mode()
def outputs(model: nn.Module, batches: Iterable[Batch], precision: str = "float32") -> Outputs:
    """Probabilities and embeddings of every example in `batches`, in order; the batches may be on any device.

    In evaluation mode, and in float32 unless asked otherwise, whatever the caller's mode and precision were: a run
    predicts the same everywhere, and neither dropout nor batch statistics can leak in. Where memory runs out a batch
    is taken in smaller parts, and so is whatever this model is asked later.

    precision: "bfloat16" takes half the time; for what is looked at while training, never for what is reported of new
    examples.

    Raises:
        OutOfMemoryError: a single example does not fit, or there is no room to put together a batch or what is said.
    """
    parts: list[tuple[Tensor, Tensor]] = []
    device = next(model.parameters()).device
    with _evaluating(model, precision) as evaluated:
        for batch in each(batches, "a batch of examples was put together for evaluation", _REMEDY):
            scored, most = halving(partial(_scored, evaluated, device, batch), len(batch.y), most_at_once(model))
            if most < most_at_once(model):
                _fitting[model] = most
            parts += scored
    if not parts:
        raise ValueError("there are no batches to evaluate")
    doing = "what the model says of all examples was put together"
    return at_once(lambda: Outputs(*(torch.cat(arrays).numpy() for arrays in zip(*parts, strict=True))), doing, _REMEDY)


def _scored(model: "Model", device: torch.device, batch: Batch, size: int) -> list[tuple[Tensor, Tensor]]:
    """Probabilities [b, K] and embeddings [b, D] on the CPU, at most `size` examples at a time, moved to the device."""
    scored, multilabel = [], getattr(model, "multilabel", False)
    for part in batch.split(size):
        embedding = model.embed(sent(part.x, device), sent(part.length, device))
        output = model.head(embedding)
        probs = mixture(output) if isinstance(model.head, GaussianHead) else probabilities(output, multilabel)
        scored.append((probs.cpu(), embedding.float().cpu()))
    return scored


def one_batch(x: NDArray[Any], length: NDArray[np.int64]) -> Batch:
    """Encoded inputs [B, ...] without labels as a batch; `length` [B]: how much of each is not padding."""
    index = torch.arange(len(x))
    return Batch(index, torch.from_numpy(x), torch.from_numpy(length), index, torch.ones(len(x))).trimmed()


@contextmanager
def _full_precision() -> Iterator[None]:
    """Products and convolutions in float32 throughout: a GPU may round what goes into them to ten bits (TF32).

    torch's switches are not of a thread but of the process: the first call turns them, the last turns them back.
    """
    global _computing
    with _switching:
        if not _computing:
            _turning_back.enter_context(_rounding_off())
        _computing += 1
    try:
        yield
    finally:
        with _switching:
            _computing -= 1
            if not _computing:
                _turning_back.close()


@contextmanager
def _rounding_off() -> Iterator[None]:
    """torch has older switches for the same beside the newer ones, and refuses to tell them where the two disagree: all
    are set, and put back as they were.
    """
    backends: Any = torch.backends
    kinds = (backends.cudnn.conv, backends.cudnn.rnn, backends.cuda.matmul, backends.mkldnn.matmul)
    before, older = [kind.fp32_precision for kind in kinds], None
    try:
        _set(kinds, ["ieee"] * len(kinds))
        older = _older_switches()
        _set_older_switches("highest", rounding=False)
        _set(kinds, ["ieee"] * len(kinds))  # an older one that is off leaves it to torch.backends.fp32_precision
        yield
    finally:
        if older is not None:
            _set_older_switches(*older)
        _set(kinds, before)


def _set(kinds: Iterable[Any], values: Iterable[str]) -> None:
    for kind, value in zip(kinds, values, strict=True):
        kind.fp32_precision = value


def _older_switches() -> tuple[str, bool]:
    """What torch's older switches say of products and of convolutions, while all newer ones say "ieee"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some versions say once that these switches will go some day
        products = torch.get_float32_matmul_precision()
        try:
            return products, bool(torch.backends.cudnn.allow_tf32)
        except RuntimeError:  # it says otherwise than the newer ones do
            return products, True


def _set_older_switches(products: str, rounding: bool) -> None:
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = rounding


@contextmanager
def _evaluating(model: nn.Module, precision: str) -> Iterator[Model]:
    training = [module for module in model.modules() if module.training]
    device = next(model.parameters()).device.type
    model.eval()
    try:
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"), _full_precision():
            yield cast(Model, model)
    finally:
        for module in training:
            module.training = True
