from collections.abc import Callable, Iterator
from threading import Event, Semaphore, Thread

import numpy as np
import pytest
import torch
from problems import ROWS, Small, blobs
from torch import nn

from unfazed.loader import in_order
from unfazed.outputs import outputs


def test_evaluation_never_sees_dropout_or_batch_statistics() -> None:
    """Whatever mode the model is in, however the batches are cut: the same probabilities."""
    model = Small(dropout=0.9).train()
    examples = blobs()
    whole = outputs(model, in_order(examples, torch.arange(ROWS), ROWS))
    pieces = outputs(model, in_order(examples, torch.arange(ROWS), 7))
    again = outputs(model.eval(), in_order(examples, torch.arange(ROWS), ROWS))
    assert np.allclose(whole.probs, pieces.probs, atol=1e-6)
    assert np.array_equal(whole.probs, again.probs)


def test_the_mode_of_every_module_comes_back_and_no_buffer_moves() -> None:
    model = Small().train()
    model.body[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    outputs(model, in_order(blobs(), torch.arange(9), 4))
    assert model.training and model.head.training and not model.body[1].training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_prediction_is_in_float32_even_inside_autocast() -> None:
    model, batches = Small(), list(in_order(blobs(), torch.arange(32), 32))
    plain = outputs(model, batches)
    with torch.autocast("cpu", torch.bfloat16):
        assert np.array_equal(outputs(model, batches).probs, plain.probs)


def test_bfloat16_where_it_is_asked_for_is_near_and_comes_back_as_float32() -> None:
    model, batches = Small(), list(in_order(blobs(), torch.arange(32), 32))
    plain, rough = outputs(model, batches), outputs(model, batches, "bfloat16")
    assert rough.probs.dtype == rough.embeddings.dtype == np.float32
    assert not np.array_equal(plain.probs, rough.probs)
    assert np.allclose(plain.probs, rough.probs, atol=0.05)
    assert np.allclose(rough.probs.sum(1), 1, atol=1e-5)


def test_an_error_in_the_model_leaves_its_mode_as_it_was() -> None:
    class Broken(Small):
        def embed(self, x: torch.Tensor, length: torch.Tensor | None = None) -> torch.Tensor:
            raise RuntimeError("broken")

    model: nn.Module = Broken().train()
    with pytest.raises(RuntimeError, match="broken"):
        outputs(model, in_order(blobs(), torch.arange(4), 4))
    assert model.training


def test_shapes_and_probabilities() -> None:
    found = outputs(Small(), in_order(blobs(), torch.arange(10), 4))
    assert found.probs.shape == (10, 3) and found.embeddings.shape == (10, 16)
    assert found.probs.dtype == np.float32
    assert np.allclose(found.probs.sum(1), 1, atol=1e-5)


def switches() -> list[str]:
    """What torch's newer and older switches of rounding say; of those that disagree torch says nothing."""
    told, backends = [], torch.backends
    for switch in (
        lambda: backends.cudnn.conv.fp32_precision,
        lambda: backends.cudnn.rnn.fp32_precision,
        lambda: backends.cuda.matmul.fp32_precision,
        lambda: backends.mkldnn.matmul.fp32_precision,
        torch.get_float32_matmul_precision,
        lambda: backends.cuda.matmul.allow_tf32,
        lambda: backends.cudnn.allow_tf32,
    ):
        try:
            told.append(str(switch()))
        except RuntimeError:
            told.append("refused")
    return told


@pytest.fixture
def as_it_comes() -> Iterator[None]:
    """torch's switches as they are without anybody's doing, also afterwards."""
    yield
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.fp32_precision = torch.backends.mkldnn.matmul.fp32_precision = "none"
    torch.backends.cudnn.allow_tf32, torch.backends.fp32_precision = True, "none"


FULL = ["ieee", "ieee", "ieee", "ieee", "highest", "False", "False"]


def by_hand() -> None:
    """As the newer switches are used, which leaves the older ones behind."""
    torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision = "ieee", "tf32"


@pytest.mark.usefixtures("as_it_comes")
@pytest.mark.parametrize("wanted", [
    lambda: None,
    lambda: torch.set_float32_matmul_precision("high"),
    lambda: torch.set_float32_matmul_precision("medium"),
    lambda: setattr(torch.backends.cudnn, "allow_tf32", False),
    lambda: setattr(torch.backends, "fp32_precision", "tf32"),
    by_hand,
], ids=["nothing", "high", "medium", "older", "all", "newer"])  # fmt: skip
def test_rounding_is_off_inside_whatever_was_asked_for_and_as_it_was_afterwards(wanted: Callable[[], None]) -> None:
    class Asked(Small):
        def embed(self, x: torch.Tensor, length: torch.Tensor | None = None) -> torch.Tensor:
            asked.append(switches())
            if len(x) == 3:
                raise ValueError("in the middle")
            if len(x) > 4:  # from within: the inner one must leave it off
                outputs(Asked(), in_order(blobs(), torch.arange(4), 4))
                asked.append(switches())
            return super().embed(x, length)

    asked: list[list[str]] = []
    wanted()
    before = switches()
    assert before != FULL
    outputs(Asked(), in_order(blobs(), torch.arange(8), 8))
    assert asked == [FULL] * 3 and switches() == before
    with pytest.raises(ValueError, match="in the middle"):
        outputs(Asked(), in_order(blobs(), torch.arange(3), 3))
    assert switches() == before


@pytest.mark.usefixtures("as_it_comes")
def test_rounding_stays_off_until_the_last_thread_is_through() -> None:
    class Waiting(Small):
        def embed(self, x: torch.Tensor, length: torch.Tensor | None = None) -> torch.Tensor:
            arrived.release()
            assert go_on[len(x)].wait(30)
            asked.append(switches())
            return super().embed(x, length)

    torch.set_float32_matmul_precision("high")
    arrived, go_on, asked, before = Semaphore(0), {3: Event(), 4: Event()}, [], switches()
    threads = [Thread(target=outputs, args=(Waiting(), in_order(blobs(), torch.arange(count), 4))) for count in go_on]
    for thread in threads:
        thread.start()
        assert arrived.acquire(timeout=30)
    for count, thread in zip(go_on, threads, strict=True):  # the first to come is the first to go
        go_on[count].set()
        thread.join(30)
    assert asked == [FULL] * 2 and switches() == before != FULL
