import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import trained
from commands import within

from unfazed.errors import OutOfMemoryError, RunError, UsageError
from unfazed.predictor import Predictor
from unfazed.run import FORMAT, Run, vacant
from unfazed.verb.queries import is_query


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(trained.run().path, tmp_path / "run")


def test_what_is_no_run_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run folder"):
        Run.open(tmp_path / "nowhere")
    (tmp_path / "first").mkdir()
    with pytest.raises(RunError, match=r'makes one\. Did you mean "first"\?'):
        Run.open(tmp_path / "frist")
    with pytest.raises(RunError, match="--out 'runs/text 2/queries/9'` makes one"):
        Run.open("runs/text 2/queries/9")
    with pytest.raises(RunError, match="is not a run folder"):
        Run.open(tmp_path)


def test_a_folder_that_cannot_be_entered_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for verb in (["predict"], ["review", "--export", "x.csv"], ["report"]):
        name, *flags = verb
        done = within(name, "n" * 5000, *(["x.png"] if name == "predict" else []), *flags)
        assert done.returncode == 2 and done.stderr.startswith("unfazed: the"), "newer Pythons say that there is none"
    stat = Path.stat

    def closed(path: Path, **how: bool) -> os.stat_result:
        if path.parent == tmp_path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", closed)
    assert not is_query(tmp_path)
    with pytest.raises(RunError, match=f"{tmp_path} (cannot be opened: Permission denied|is not a run folder)"):
        Run.open(tmp_path)


def test_a_newer_run_is_refused_with_advice(copy: Path) -> None:
    origin = json.loads((copy / "origin.json").read_text())
    (copy / "origin.json").write_text(json.dumps({**origin, "format": FORMAT + 1, "unfazed": "9.0"}))
    with pytest.raises(RunError, match=r"written by Unfazed 9.0 .* Install the newer one"):
        Run.open(copy)


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def garbage(data: bytes) -> bytes:
    return b"\x00\xff" * 50


READERS = {
    "origin.json": lambda run: Run.open(run.path),
    "recipe.toml": lambda run: run.recipe,
    "table.parquet": lambda run: run.table(),
    "epochs.jsonl": lambda run: run.epochs,
    "dynamics.npz": lambda run: run.dynamics(),
    "scores.npz": lambda run: run.scores(),
    "exhibits.parquet": lambda run: run.exhibits(),
    "measurements.json": lambda run: run.measurements,
    "report.json": lambda run: run.report,
    "model.json": lambda run: Predictor.open(run),
    "model.safetensors": lambda run: Predictor.open(run),
    "preprocessor.json": lambda run: Predictor.open(run),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("damage", [truncated, garbage], ids=["truncated", "garbage"])
def test_a_damaged_file_is_one_clear_error(copy: Path, name: str, damage: object) -> None:
    (copy / name).write_bytes(damage((copy / name).read_bytes()))  # type: ignore[operator]
    with pytest.raises(RunError):
        READERS[name](Run(copy))


@pytest.mark.parametrize("name", sorted(set(READERS) - {"exhibits.parquet", "origin.json"}))
def test_a_missing_file_is_one_clear_error(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(RunError):
        READERS[name](Run(copy))


def test_weights_that_are_gone_are_not_called_damaged(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(RunError, match=r"has no model\.safetensors: it was lost"):
        Run(copy).weights()


@pytest.mark.parametrize("name", sorted(set(READERS) - {"origin.json", "recipe.toml"}))
def test_a_file_that_cannot_be_opened_is_not_called_damaged(copy: Path, name: str) -> None:
    (copy / name).unlink()
    (copy / name).mkdir()
    with pytest.raises(RunError, match=rf"{name} cannot be read: Is a directory"):
        READERS[name](Run(copy))


@pytest.mark.parametrize("reader", ["numpy.load", "safetensors.torch.load_file", "unfazed.run.read_parquet"])
def test_a_file_that_there_is_no_memory_for_is_not_called_damaged(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def starved(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 381. MiB")

    monkeypatch.setattr(reader, starved)
    run = Run(trained.run().path)
    read = {"numpy.load": run.scores, "unfazed.run.read_parquet": run.exhibits}
    with pytest.raises(OutOfMemoryError, match=r"^memory ran out while .* was read .*Unable to allocate 381\. MiB"):
        read.get(reader, lambda: Predictor.open(run))()


@pytest.mark.parametrize(
    "change",
    [
        {"family": "os.system"},
        {"arguments": {"classes": 10**12}},
        {"arguments": None},
        {"classes": "abc"},
        {"arguments": {"classes": 4, "image_size": 8, "width": 10**6, "dropout": 0.0, "pooling": "average"}},
    ],
)
def test_a_hostile_model_description_costs_nothing_and_is_refused(copy: Path, change: dict[str, object]) -> None:
    model = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps({**model, **change}))
    with pytest.raises(RunError):
        Predictor.open(copy)


def test_a_task_that_there_is_not_is_refused(copy: Path) -> None:
    run = Run(copy)
    run.write_json("model.json", {**run.model, "task": "<img src=x>"})
    with pytest.raises(RunError, match="not one of classification"):
        _ = Run(copy).task


def test_a_pickle_in_an_array_file_is_not_loaded(copy: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (copy / "executed",)  # type: ignore[return-value]

    np.savez(copy / "scores.npz", probs=np.array([Evil()], dtype=object))
    with pytest.raises(RunError):
        Run(copy).scores()
    assert not (copy / "executed").exists()


def test_a_fresh_run_gets_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = {Run.create().path for _ in range(3)}
    assert len(paths) == 3
    assert all(path.parent == Path("runs") for path in paths)


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UsageError, match=f"{tmp_path / 'file'} is no folder that may be written to"):
            vacant(path)
    with pytest.raises(UsageError, match="cannot be a run folder"):
        vacant(tmp_path / ("n" * 5000))
    assert vacant(tmp_path / "new" / "run") == tmp_path / "new" / "run" and not (tmp_path / "new").exists()


def test_a_folder_that_may_not_be_written_to_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UsageError, match=f"{tmp_path} is no folder that may be written to"):
        vacant(tmp_path / "new")


def test_a_write_that_fails_leaves_the_old_file(copy: Path) -> None:
    before = (copy / "report.json").read_text()
    with pytest.raises(ValueError, match="Out of range float"):
        Run(copy).write_json("report.json", {"value": float("nan")})
    assert (copy / "report.json").read_text() == before
    assert [path.name for path in copy.iterdir() if path.name.endswith(".part")] == []


def test_a_problem_with_a_long_text_is_read_back(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    problem = {"id": "1", "input": "a word; " * 40_000, "reason": "no label"}
    run.write_csv("problems.csv", tuple(problem), [tuple(problem.values())])
    assert run.problems() == [problem]
