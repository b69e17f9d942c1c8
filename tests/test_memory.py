"""When memory runs out the batch is run again in halves, and nothing else about the run changes."""

import copy
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import trained
from problems import ROWS, Small, blobs, loader, recipe
from torch import Tensor, nn

import unfazed.outputs
from unfazed import batch
from unfazed.batch import Batch, sent
from unfazed.cli import main
from unfazed.criterion import Scored, cross_entropy
from unfazed.errors import OutOfMemoryError
from unfazed.loader import Loader, in_order
from unfazed.loop import Epoch, Step, fitted, training
from unfazed.memory import halving, ran_out
from unfazed.model.convnet import ConvNet
from unfazed.outputs import most_at_once, outputs
from unfazed.predictor import Predictor
from unfazed.processes import Processes
from unfazed.report.events import Finishing, Measured, Notice
from unfazed.verb.train import separated, training_events

EVERYTHING = cross_entropy(0.1)
MESSAGES = {
    "cpu": "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried",
    "onednn": "could not create a primitive",
    "cublas": "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cublas, full": "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cudnn": "GET was unable to find an engine to execute this computation",
    "cudnn, newer": "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    "cufft": "cuFFT error: CUFFT_INTERNAL_ERROR",
}


class Short:
    """A criterion for which, from its `step`th batch on, more than `most` examples are too many.

    It fails after the model has run: dropout has drawn and batch norm has seen the batch.
    """

    def __init__(self, step: int, most: int, error: Callable[[], Exception] | None = None):
        self.step, self.most = step, most
        self.error = error or (lambda: torch.OutOfMemoryError("CUDA out of memory"))
        self.begun: set[int] = set()

    def __call__(self, model: nn.Module, part: Batch) -> Scored:
        scored = EVERYTHING(model, part)
        self.begun.add(self.now)
        if self.now >= self.step and len(part.y) > self.most:
            raise self.error()
        return scored

    now = 1


def followed(events: Iterator[Step | Epoch], short: Short) -> list[Step | Epoch]:
    told = []
    for event in events:
        told.append(event)
        if isinstance(event, Step):
            short.now = event.number + 1
    return told


def assert_same(one: nn.Module, other: nn.Module, tolerance: float = 0.0) -> None:
    for name, weight in one.state_dict().items():
        assert torch.allclose(weight, other.state_dict()[name], rtol=0, atol=tolerance), name


def told_beforehand(step: int, micro_batch_size: int) -> tuple[Small, list[Step | Epoch]]:
    """A run that takes smaller micro-batches from `step` on of its own accord."""
    model, told = Small(), []
    if step == 1:
        told = list(training(model, loader(), EVERYTHING, recipe(micro_batch_size=micro_batch_size)))
        return model, told
    for event in training(model, loader(), EVERYTHING, recipe()):
        told.append(event)
        if isinstance(event, Step) and event.number == step - 1:
            break
    assert isinstance(told[-1], Step)
    state = {**copy.deepcopy(told[-1].state()), "micro_batch_size": micro_batch_size}
    return model, told + list(training(model, loader(), EVERYTHING, recipe(), state=state))


@pytest.mark.parametrize("step", [1, 2, 7, 8, 9, 16, 23, 31])
def test_a_run_short_of_memory_is_one_told_beforehand_to_split_there(step: int) -> None:
    model, short = Small(), Short(step, 8)
    told = followed(training(model, loader(), short, recipe()), short)
    expected, steps = told_beforehand(step, 8)
    assert_same(model, expected)
    sizes = [event.micro_batch_size for event in told if isinstance(event, Step)]
    assert sizes == [32] * (step - 1) + [8] * (33 - step)
    for one, other in zip(told, steps, strict=True):
        if isinstance(one, Epoch):
            assert torch.equal(one.losses, other.losses) and torch.equal(one.margins, other.margins)
        else:
            assert torch.equal(one.loss, other.loss) and one.learning_rate == other.learning_rate


@pytest.mark.parametrize("step", [1, 5, 20])
def test_without_dropout_and_batch_norm_it_is_the_undisturbed_run(step: int) -> None:
    plain, disturbed, short = Small(dropout=0, norm=False), Small(dropout=0, norm=False), Short(step, 3)
    list(training(plain, loader(), EVERYTHING, recipe()))
    followed(training(disturbed, loader(), short, recipe()), short)
    assert_same(plain, disturbed, 1e-5)


def test_the_size_found_is_part_of_the_state() -> None:
    short = Short(5, 8)
    told = followed(training(Small(), loader(), short, recipe()), short)
    step = next(event for event in told if isinstance(event, Step) and event.number == 32)
    state = fitted(copy.deepcopy(step.state()), recipe(), end=40)
    rest = training(Small(), loader(), EVERYTHING, recipe(), state=state)
    assert [event.micro_batch_size for event in rest if isinstance(event, Step)] == [8] * 8


def test_a_single_example_that_does_not_fit_is_one_error() -> None:
    with pytest.raises(OutOfMemoryError, match=r"single example.*image_size.*CUDA out of memory"):
        list(training(Small(norm=False), loader(), Short(1, 0), recipe()))


def test_other_errors_are_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        list(training(Small(), loader(), Short(1, 0, lambda: RuntimeError("shapes cannot be multiplied")), recipe()))


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_what_the_libraries_say_of_it(message: str) -> None:
    assert ran_out(RuntimeError(message))
    assert ran_out(MemoryError()) and ran_out(torch.OutOfMemoryError())
    assert not ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) and not ran_out(KeyError("memory"))


@pytest.mark.parametrize("most", [1, 3, 10, 63])
def test_evaluation_goes_on_in_parts(most: int) -> None:
    class Narrow(Small):
        calls = 0

        def embed(self, x: Tensor, length: Tensor | None = None) -> Tensor:
            self.calls += 1
            if len(x) > most:
                raise MemoryError
            return super().embed(x, length)

    def scored(model: nn.Module) -> Tensor:
        batches = in_order(blobs(), torch.arange(ROWS), 64)
        return torch.from_numpy(outputs(model, batches).probs)

    narrow = Narrow()
    assert torch.allclose(scored(narrow), scored(Small()), atol=1e-6)
    assert narrow.calls <= 2 * ROWS / min(most, 32) + 10  # the size is found once, not for every batch
    first, narrow.calls = narrow.calls, 0
    scored(narrow)
    assert narrow.calls < first and most_at_once(narrow) <= most  # nor in the next pass


def test_evaluation_in_parts_is_said_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    embed = ConvNet.embed

    def short(model: ConvNet, x: Tensor, length: Tensor | None = None) -> Tensor:
        if len(x) > 5 and not model.training:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return embed(model, x, length)

    monkeypatch.setattr(ConvNet, "embed", short)
    told = training_events(trained.source(), *separated({**trained.SETTINGS, "epochs": 3}, None), tmp_path / "run")
    epochs, notices = 0, []
    for event in told:
        epochs += isinstance(event, Measured)
        if isinstance(event, Notice):
            notices.append((epochs, event.text.strip()))
        if isinstance(event, Finishing):
            break
    assert notices == [(1, "memory ran out in evaluation: 4 examples at a time from here on")]


def moved_at_once(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """No more than `most` examples can be moved to the device at once."""
    def short(column: Tensor, device: torch.device) -> Tensor:
        if column.ndim > 1 and len(column) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return sent(column, device)

    for module in (batch, unfazed.outputs):
        monkeypatch.setattr(module, "sent", short)


@pytest.mark.parametrize("most", [1, 10])
def test_evaluation_moves_no_more_than_fits(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = outputs(Small(), in_order(blobs(), torch.arange(ROWS), 64)).probs
    moved_at_once(monkeypatch, most)
    parts = outputs(Small(), in_order(blobs(), torch.arange(ROWS), 64)).probs
    assert torch.allclose(torch.from_numpy(parts), torch.from_numpy(whole), atol=1e-6)


def test_prediction_moves_no_more_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor, files = Predictor.open(trained.run()), sorted(trained.source().rglob("*.png"))[:20]
    whole = predictor.predict(files).probs
    moved_at_once(monkeypatch, 3)
    assert torch.allclose(torch.from_numpy(predictor.predict(files).probs), torch.from_numpy(whole), atol=1e-6)


def short_of_memory(*arguments: object, **settings: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize(("where", "doing"), [
    ("loop.Average", "training was set up: make the model smaller"),
    ("loop._load", "training was taken up where it had been left: make the model smaller"),
    ("loop._add_l1", "the weights were updated: make the model smaller"),
    ("loop.Average.update", "the weights were updated: make the model smaller"),
])  # fmt: skip
def test_copies_of_the_weights_that_do_not_fit_are_one_error(
    where: str, doing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next(training(Small(), loader(), EVERYTHING, recipe(l1=1e-4)))
    monkeypatch.setattr(f"unfazed.{where}", short_of_memory)
    with pytest.raises(OutOfMemoryError, match=f"memory ran out while {doing}.*CUDA out of memory"):
        list(training(Small(), loader(), EVERYTHING, recipe(l1=1e-4), state=first.state()))


@pytest.mark.parametrize(("method", "doing"), [
    ("sum_all", "the processes shared their gradients: make the model smaller"),
    ("sum", "the record of an epoch was gathered: train on fewer examples"),
])  # fmt: skip
def test_what_processes_exchange_and_does_not_fit_is_one_error(
    method: str, doing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Processes, "broadcast_all", lambda processes, tensors: None)
    monkeypatch.setattr(Processes, "any", lambda processes, flag: flag)
    monkeypatch.setattr(Processes, "mean_all", lambda processes, tensors: None)
    monkeypatch.setattr(Processes, "sum_all", lambda processes, tensors: None)
    monkeypatch.setattr(Processes, "sum", lambda processes, tensor: short_of_memory() if tensor.ndim else tensor)
    if method == "sum_all":
        monkeypatch.setattr(Processes, "sum_all", lambda processes, tensors: short_of_memory())
    with pytest.raises(OutOfMemoryError, match=f"memory ran out while {doing}.*CUDA out of memory"):
        list(training(Small(), loader(), EVERYTHING, recipe(), processes=Processes(0, 2)))


def test_evaluation_that_cannot_put_a_batch_together_is_one_error() -> None:
    def batches() -> Iterator[Batch]:
        yield from in_order(blobs(), torch.arange(9), 9)
        short_of_memory()

    with pytest.raises(OutOfMemoryError, match=r"put together for evaluation: .*image_size.*CUDA out of memory"):
        outputs(Small(), batches())


def test_a_batch_that_cannot_be_augmented_is_one_error() -> None:
    def short(x: Tensor, generator: torch.Generator) -> Tensor:
        raise MemoryError

    batches = Loader(blobs(), torch.arange(ROWS), 32, augment=short)
    with pytest.raises(OutOfMemoryError, match=r"a batch of 30 examples .*augmented: make batch_size smaller than 32"):
        list(training(Small(), batches, EVERYTHING, recipe()))


@pytest.mark.parametrize("verb", ["train", "lr-find"])
def test_a_batch_that_cannot_be_moved_is_one_line_and_status_1(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    moved_at_once(monkeypatch, 3)
    with pytest.raises(SystemExit) as ended:
        main([verb, str(trained.source()), "--width", "8", "--batch-size", "16"])
    assert ended.value.code == 1
    told = capsys.readouterr().err.splitlines()
    assert told[-1].startswith("unfazed: memory ran out while a batch of 1") and "make batch_size smaller" in told[-1]
    assert not any("Traceback" in line for line in told)


def test_halving_begins_with_what_there_is() -> None:
    tried: list[int] = []

    def attempt(size: int) -> str:
        tried.append(size)
        if size > 5:
            raise MemoryError
        return "done"

    assert halving(attempt, 20, 1000) == ("done", 5)
    assert tried == [20, 10, 5]
    assert halving(attempt, 3, 1000) == ("done", 1000)


LIMITED = """
    import resource, torch
    from unfazed.batch import Examples
    from unfazed.criterion import cross_entropy
    from unfazed.loader import Loader
    from unfazed.loop import Step, training
    from unfazed.model.convnet import ConvNet
    from unfazed.recipe import Recipe

    torch.set_num_threads(1)
    rows = 512
    x = torch.randint(0, 255, (rows, 3, 32, 32), dtype=torch.uint8)
    examples = Examples(x, torch.full((rows,), 32), torch.arange(rows) % 4, torch.ones(rows))
    model = ConvNet(4, 32, 32, 0.0, "average")
    model.initialise(x)
    recipe = Recipe(epochs=1, batch_size=rows, micro_batch_size=rows, precision="float32", width=32, ema=0.0)
    used = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + 300 * 2**20, resource.RLIM_INFINITY))
    for event in training(model, Loader(examples, torch.arange(rows), rows), cross_entropy(), recipe):
        if isinstance(event, Step):
            print(event.micro_batch_size)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits the memory of a process so")
def test_memory_that_really_runs_out() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert 1 < int(done.stdout) < 512
