"""The same promises on a CUDA GPU: skipped where there is none."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import trained
from problems import ROWS, Small, blobs, recipe

import unfazed
from unfazed.criterion import cross_entropy
from unfazed.loader import Loader, in_order
from unfazed.loop import Epoch, Step, training
from unfazed.outputs import outputs
from unfazed.predictor import Predictor
from unfazed.recipe import Recipe
from unfazed.run import Run
from unfazed.source import SourceOptions
from unfazed.verb import running
from unfazed.verb.train import resumed_events, training_events

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
GPU = torch.device("cuda")
SAMPLES = ["sample:digits", "sample:docstrings", "sample:synthetic-sounds", "sample:wine", "sample:diabetes"]
SHORT = {"epochs": 2, "progress": False}


def batches(**settings: object) -> Loader:
    return Loader(blobs().copied(GPU), torch.arange(ROWS), 32, seed=1, device=GPU, **settings)  # type: ignore[arg-type]


def steps(events: Iterator[Step | Epoch], count: int) -> list[Step]:
    found = []
    for event in events:
        if isinstance(event, Step):
            found.append(event)
            if len(found) == count:
                break
    return found


@pytest.mark.parametrize("source", SAMPLES)
def test_every_kind_trains_and_predicts_there(source: str, tmp_path: Path) -> None:
    run = unfazed.train(source, out=tmp_path / "run", **SHORT)
    assert "CPU" not in run.origin["device"]
    kept = run.scores()["probs"]
    assert np.isfinite(kept).all() and run.report["diagnosis"]


def test_training_leaves_what_the_caller_draws_there_alone() -> None:
    model, expected = Small().to(GPU), torch.rand(7, device=GPU, generator=torch.Generator(GPU).manual_seed(1))
    torch.manual_seed(1)
    steps(training(model, batches(), cross_entropy(0.1), recipe()), 4)
    assert torch.equal(torch.rand(7, device=GPU), expected)


def test_a_step_does_not_wait_for_the_gpu() -> None:
    events = training(Small().to(GPU), batches(), cross_entropy(0.1), recipe(precision="bfloat16"))
    steps(events, 2)  # what is made once may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        assert len(steps(events, 4)) == 4
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_state_kept_within_an_epoch_goes_on_there() -> None:
    model = Small().to(GPU)
    state = steps(training(model, batches(), cross_entropy(0.1), recipe()), 3)[-1].state()
    rest = [state["dynamics"], state["model"], state["optimizer"]]
    assert all(kept is not None for kept in rest)
    on_cpu = {**state, "dynamics": {name: array.cpu() for name, array in state["dynamics"].items()}}
    whole, later = Small().to(GPU), Small().to(GPU)
    for _ in training(whole, batches(), cross_entropy(0.1), recipe()):
        pass
    for _ in training(later, batches(), cross_entropy(0.1), recipe(), state=on_cpu):
        pass
    for one, other in zip(whole.parameters(), later.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_a_killed_run_is_resumed_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SAVE_EVERY", 0.0)
    settings = Recipe(epochs=3, width=8, batch_size=16)
    for event in training_events(str(trained.source()), SourceOptions(), settings, tmp_path / "run"):
        if isinstance(event, Step) and event.number == 5:
            break
    for _ in resumed_events(tmp_path / "run"):
        pass
    assert Run.open(tmp_path / "run").report["test"]


def test_memory_that_runs_out_there_is_halved_away() -> None:
    """A tenth of the memory is left to this process; a batch wants more."""

    class Wide(Small):
        def embed(self, x: torch.Tensor, length: torch.Tensor | None = None) -> torch.Tensor:
            _, total = torch.cuda.mem_get_info()
            wanted = torch.empty(len(x), total // 10 // 16, dtype=torch.uint8, device=x.device)  # 16 examples fill it
            return super().embed(x, length) + 0 * wanted[:, :1]

    torch.cuda.set_per_process_memory_fraction(0.1)
    try:
        [first] = steps(training(Wide().to(GPU), batches(), cross_entropy(0.1), recipe()), 1)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    assert first.micro_batch_size < 16


def test_it_says_what_the_cpu_says() -> None:
    rows = torch.arange(ROWS)
    here = outputs(Small(), in_order(blobs(), rows, 64))
    there = outputs(Small().to(GPU), in_order(blobs(), rows, 64))
    np.testing.assert_allclose(there.probs, here.probs, atol=1e-5)
    np.testing.assert_allclose(there.embeddings, here.embeddings, atol=1e-4)


def test_a_run_predicts_there_as_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    files = sorted(trained.source().rglob("*.png"))[:50]
    there = Predictor.open(trained.run()).predict(files).probs
    monkeypatch.setattr("unfazed.predictor.best_device", lambda: torch.device("cpu"))
    here = Predictor.open(trained.run()).predict(files).probs
    np.testing.assert_allclose(there, here, atol=1e-5)


def test_compiled_it_learns_the_same() -> None:
    plain = steps(training(Small().to(GPU), batches(), cross_entropy(0.1), recipe()), 3)
    compiled = steps(training(Small().to(GPU), batches(), cross_entropy(0.1), recipe(compile="yes")), 3)
    for one, other in zip(plain, compiled, strict=True):
        torch.testing.assert_close(one.loss, other.loss, atol=1e-3, rtol=1e-3)
