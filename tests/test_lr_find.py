import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import trained
from commands import started, within
from problems import Small, loader, recipe

import unfazed
from unfazed.batch import Examples
from unfazed.criterion import Scored
from unfazed.errors import UsageError
from unfazed.loader import Loader
from unfazed.loop import Step, training
from unfazed.report.events import Found, Tried
from unfazed.source import SourceOptions
from unfazed.verb import lr_find
from unfazed.verb.lr_find import range_test_events, rising
from unfazed.verb.plan import Plan
from unfazed.verb.prepare import Prepared
from unfazed.verb.train import separated, training_loader

SMALL = {"width": 8, "batch_size": 16}
FLAGS = ["--width", "8", "--batch-size", "16", "--repeats", "1"]


def planned(**settings: object) -> Plan:
    return Plan(recipe(loss="cross-entropy", label_smoothing=0.1, **settings), Small(), "small", "", None)  # type: ignore[arg-type]


def test_it_finds_a_bracket_in_which_the_network_learns() -> None:
    found = unfazed.lr_find(trained.source(), repeats=2, progress=False, **SMALL)
    assert found.losses.shape == (2, len(found.rates))
    assert found.low is not None and found.peak is not None and found.high is not None
    assert 1e-4 < found.low < found.peak < found.high < 1
    at = np.searchsorted(found.rates, found.peak)
    assert found.losses[:, at].mean() < 0.7 * found.losses[:, :5].mean()
    assert np.isnan(found.losses[:, -1]).all()  # left before the highest rate: it had diverged
    assert found.onward == (
        f"unfazed train {trained.source()} --batch-size 16 --width 8 --learning-rate {found.peak:.2g}"
    )


def test_the_examples_are_where_training_would_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    moved, served = [], []

    def on(examples: Examples, device: torch.device) -> Examples:
        moved.append(examples._replace(weight=examples.weight.clone()))
        return moved[-1]

    def loader_of(prepared: Prepared, *of: Any) -> Loader:
        served.append(prepared.examples)
        return training_loader(prepared, *of)

    monkeypatch.setattr(Examples, "on", on)
    monkeypatch.setattr(lr_find, "training_loader", loader_of)
    events = range_test_events(trained.source(), *separated(SMALL, None), repeats=2)
    while len(served) < 2:
        next(events)
    assert len(moved) == 1 and all(examples is moved[0] for examples in served)  # once, for all repeats


def test_repeats_differ_and_the_same_seed_gives_the_same_curve() -> None:
    last = {**SMALL, "seed": 2**31 - 1}  # of all seeds: they go round
    first, again = (unfazed.lr_find(trained.source(), repeats=2, progress=False, **last) for _ in range(2))
    assert np.array_equal(first.losses, again.losses, equal_nan=True)
    assert not np.array_equal(first.losses[0], first.losses[1], equal_nan=True)


def test_a_frame_and_another_optimizer(tmp_path: Path) -> None:
    files = sorted(trained.source().rglob("*.png"))
    frame = pl.DataFrame({"path": [str(file) for file in files], "name": [file.parent.name for file in files]})
    out = tmp_path / "rates.html"
    found = unfazed.lr_find(
        frame, target="name", repeats=1, out=out, progress=False, optimizer="sgd", **SMALL
    )  # fmt: skip
    assert found.rates[0] == 1e-4 and found.rates[-1] == 100
    assert "learning_rate=" in (found.onward or "")
    assert out.read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["rates.html"]


def test_everything_happens_as_events_and_no_run_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options, chosen = separated(SMALL, None)
    events = list(range_test_events(trained.source(), options, chosen, repeats=1))
    tried = [event for event in events if isinstance(event, Tried)]
    assert any(isinstance(event, Found) for event in events)
    assert [event.done for event in tried] == list(range(1, len(tried) + 1))
    rates = [event.learning_rate for event in tried]
    assert rates == sorted(rates) and len(tried) < tried[0].total
    assert list(tmp_path.iterdir()) == []


def test_a_step_at_one_rate_is_a_step_of_training() -> None:
    constant = {"schedule": "constant", "warmup": 0.0, "ema": 0.0, "learning_rate": 0.02}
    whole = Small()
    events = training(whole, loader(), lr_find.criterion_of("cross-entropy", 0.1), recipe(**constant))
    straight = [step.loss.item() for step in itertools.islice(events, 11) if isinstance(step, Step)]
    steps = [step.loss.item() for step in rising(planned(), loader(), [0.02] * 10)]
    assert steps == straight[:10]


def test_a_loss_that_is_no_number_is_a_step_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_loss: str, _smoothing: float):  # type: ignore[no-untyped-def]
        def criterion(model, batch):  # type: ignore[no-untyped-def]
            output = model(batch.x)
            return Scored(output.sum(1) * torch.nan, output)

        return criterion

    monkeypatch.setattr(lr_find, "criterion_of", broken)
    assert len(list(rising(planned(), loader(), [0.1] * 20))) == 20
    found = unfazed.lr_find(trained.source(), repeats=1, progress=False, **SMALL)
    assert found.bracket is None and np.isnan(found.losses).all()


def test_bad_requests_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    for settings, said in (
        ({"repeats": 0}, "repeats = 0"),
        ({"repeats": True}, "repeats = True"),
        ({"out": tmp_path}, "rates.html|HTML"),
        ({"out": tmp_path / "photos.csv"}, "photos.html"),
        ({"out": tmp_path / "none" / "x.html"}, "there is no folder"),
    ):
        with pytest.raises(UsageError, match=said):
            next(range_test_events("/nowhere", SourceOptions(), recipe(), **settings))  # type: ignore[arg-type]


def test_the_command_is_plain_when_piped_and_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "rates[lr].html"  # no markup
    done = started("lr-find", trained.source(), *FLAGS, "--out", page)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("300 images in 4 classes")
    rate = re.search(r"suggested learning rate: ([\d.e-]+)", done.stdout)
    assert rate and f"--learning-rate {rate[1]}" in done.stdout
    assert "●" in done.stdout and "┤" in done.stdout and "\x1b" not in done.stdout
    assert str(page) in done.stdout and rate[1] in page.read_text()


def test_json_is_one_object(tmp_path: Path) -> None:
    done = within("lr-find", trained.source(), *FLAGS, "--json")
    assert done.returncode == 0 and done.stderr == ""
    facts = json.loads(done.stdout)
    assert facts["low"] < facts["peak"] < facts["high"]
    assert facts["repeats"] == 1 and facts["next"].startswith("unfazed train")


def test_a_table_is_read_as_train_reads_it(tmp_path: Path) -> None:
    files = sorted(trained.source().rglob("*.png"))
    table = pl.DataFrame(
        {"mask": map(str, reversed(files)), "photo": map(str, files), "name": [f.parent.name for f in files]}
    )
    table.write_csv(tmp_path / "labels.csv")
    columns = ("--path", "photo", "--target", "name")
    done = within("lr-find", tmp_path / "labels.csv", *FLAGS, *columns, "--cache", "none", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "--path photo --target name" in told["next"]
    same, other = (
        unfazed.lr_find(tmp_path / "labels.csv", target="name", path=path, repeats=1, progress=False, **SMALL)
        for path in ("photo", "mask")
    )
    assert np.array_equal(np.array(told["losses"], float), same.losses, equal_nan=True)
    assert not np.array_equal(other.losses, same.losses, equal_nan=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/nowhere/at/all"], "nowhere"),
        ([".", "--out", "rates.txt"], "rates.html"),
        ([".", "--repeats", "0"], "repeats = 0"),
        ([".", "--optimizer", "adam"], "adamw"),
        ([], "SOURCE"),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_one_message_and_status_2(arguments: list[str], said: str) -> None:
    done = within("lr-find", *arguments)
    assert done.returncode == 2
    assert said in done.stderr + done.stdout and "Traceback" not in done.stderr


def test_ctrl_c_stops_it_with_status_130_and_leaves_nothing(tmp_path: Path) -> None:
    arguments = ["lr-find", str(trained.source()), "--repeats", "100", "--out", str(tmp_path / "rates.html")]
    process = subprocess.Popen(
        [sys.executable, "-m", "unfazed", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("300 images")
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.strip() == "unfazed: stopped"
    assert list(tmp_path.iterdir()) == []
