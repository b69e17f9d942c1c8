import io
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import trained
from problems import recipe
from rich.console import Console

from unfazed.errors import SourceError
from unfazed.loop import Step
from unfazed.report.events import Advance, Finished, Finishing, Found, Measured, Notice, Planned, Stalled
from unfazed.report.tables import metrics_table
from unfazed.report.terminal import HEADING, as_json, epoch_line, evaluation, show, silently, summary
from unfazed.run import Run


def facts(number: int, best: bool) -> dict[str, object]:
    return {
        "epoch": number,
        "step": 8 * number,
        "learning_rates": [0.01, 0.005],
        "train": {"log_loss": 1.0, "accuracy": 0.5},
        "validation": {"log_loss": 2.0, "accuracy": 0.25},
        "seconds": 3.2,
        "examples_per_second": 100.0,
        "best": best,
    }


def story() -> list[object]:
    step = Step(1, 16, 0.01, torch.tensor(1.0), 32, 32, dict)
    return [
        Advance(3, 10),
        Found(["10 images", "a note"]),
        Planned("a net", "CPU", recipe(epochs=2), 16, 8, 75.0, trained.run()),
        step,
        Measured(facts(1, True)),
        Stalled(1, True),
        Measured(facts(2, False)),
        Finishing("scoring"),
        Finished(trained.run()),
    ]


def told(terminal: bool, width: int = 100, **settings: object) -> str:
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=width, **settings)  # type: ignore[arg-type]
    assert show(story(), console) is trained.run()  # type: ignore[arg-type]
    return output.getvalue()


def test_without_a_terminal_only_lines_that_stay() -> None:
    said = told(terminal=False)
    assert "\x1b" not in said and "\r" not in said
    assert "10 images\na note\n" in said
    assert "about 1 min 15 s" in said
    epochs = [line for line in said.splitlines() if "/2" in line]
    assert len(epochs) == 2
    assert "1.443" in epochs[0] and "2.885" in epochs[0] and "25.0 %" in epochs[0]
    assert all(len(line) <= 80 for line in [*epochs, *HEADING.splitlines()])
    assert "★" in epochs[0] and "★" not in epochs[1]
    assert "since epoch 1: now annealing" in said


def test_large_numbers_of_an_epoch_stand_apart() -> None:
    its = facts(1, True) | {
        "train": {"rmse": 447_180_092_422.0},
        "validation": {"rmse": 6_649_965_268.0, "r2": -221_088_563.084},
    }
    line = epoch_line(its, 1000).plain
    assert line.split() == ["1/1000", "4.472e11", "6.650e9", "−2.211e8", "0.005", "3.2", "s", "★"]
    assert len(line) == len(epoch_line(facts(1, True), 13).plain)
    its["train"], its["validation"] = {"rmse": 999_999.0}, {"rmse": None, "r2": -999_999.0}
    assert epoch_line(its, 13).plain.split()[1:4] == ["999,999", "–", "−999999.000"]


def test_on_a_terminal_the_epoch_moves_and_says_everything() -> None:
    said = told(terminal=True, width=160)
    for part in ("epoch 1/2", "step 1/16", "rate 0.01", "1.44 bits"):
        assert part in said


def test_no_color_means_none() -> None:
    assert "\x1b[3" in told(terminal=True)
    assert "\x1b[3" not in told(terminal=True, no_color=True)


def test_the_display_is_put_away_when_the_events_fail() -> None:
    def failing() -> object:
        yield Advance(1, 2)
        raise SourceError("gone")

    with pytest.raises(SourceError, match="gone"):
        show(failing(), Console(file=io.StringIO(), force_terminal=True))  # type: ignore[arg-type]


def test_silently_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert silently(story()) is trained.run()  # type: ignore[arg-type]
    assert capsys.readouterr() == ("", "")


def test_events_are_json_or_nothing() -> None:
    lines = [as_json(event) for event in story()]  # type: ignore[arg-type]
    assert [line["event"] for line in lines if line] == ["found", "planned", "epoch", "stalled", "epoch", "finished"]
    json.dumps(lines, allow_nan=False)


def test_the_summary_fits_80_columns_and_ends_with_a_command() -> None:
    console = Console(file=io.StringIO(), width=80, record=True)
    console.print(summary(trained.run()))
    said = console.export_text()
    assert "…" not in said
    assert "linear model" in said and "commonest class" in said and "bits" in said
    assert "unfazed predict" in said.split("next")[1]
    told = trained.run().report
    assert f"\n{told['test']['accuracy']['n']} test images  " in said


def test_the_commands_of_the_summary_have_the_path_of_the_run(tmp_path: Path) -> None:
    run = Run(shutil.copytree(trained.run().path, tmp_path / "my run"))
    said = [{"tone": "", "text": "To see which: unfazed label-issues RUN."}]
    diagnosis = {**run.report["diagnosis"], "action": "Label more: unfazed query RUN FOLDER"}
    run.write_json("report.json", {**run.report, "verdict": said, "diagnosis": diagnosis})
    output = io.StringIO()
    Console(file=output, width=500).print(summary(run))
    assert f"unfazed label-issues '{run.path}'." in output.getvalue()
    assert f"unfazed query '{run.path}' FOLDER" in output.getvalue()


def test_what_a_label_holds_steers_no_terminal(tmp_path: Path) -> None:
    run = Run(shutil.copytree(trained.run().path, tmp_path / "run"))
    run.write_json("report.json", {**run.report, "verdict": [{"tone": "", "text": "Never named: “x\x1b[2Jevil”."}]})
    output = io.StringIO()
    Console(file=output, width=500).print(summary(run))
    assert "\x1b" not in output.getvalue() and "“x\\x1b[2Jevil”" in output.getvalue()


def printed(width: int, **settings: object) -> str:
    output = io.StringIO()
    Console(file=output, width=width).print(summary(trained.run()), crop=False, **settings)  # type: ignore[arg-type]
    return output.getvalue()


def test_a_sentence_of_the_summary_that_is_wrapped_hangs_by_two_columns() -> None:
    sentences = [said["text"] for said in trained.run().report["verdict"]]
    wrapped = printed(80).split("\n\n")[0].splitlines()[2:]
    assert len(wrapped) > len(sentences) and all(len(line) <= 80 for line in wrapped)
    assert [line[:4].count(" ") for line in wrapped].count(4) == len(wrapped) - len(sentences)
    assert " ".join(line.strip() for line in wrapped) == " ".join(sentences)


def test_nothing_is_wrapped_or_cut_where_no_terminal_reads() -> None:
    said = printed(80, soft_wrap=True).splitlines()
    for sentence in trained.run().report["verdict"]:
        assert f"  {sentence['text']}" in said


def test_a_narrow_terminal_loses_no_figure_and_no_part_of_the_command() -> None:
    said = printed(60)
    assert "…" not in said and said.endswith(f"unfazed predict {trained.run().path} FILE\n")


def test_an_evaluation_says_what_was_left_out() -> None:
    measured = {
        "rows": 3,
        "split": "test",
        "notes": ["3 other files ignored"],
        "metrics": trained.run().report["test"],
        "problems": [{"id": "a.png", "reason": "empty file"}],
        "unknown": {"zebra": 2},
        "seen": 1200,
        "seen_groups": 559,
        "dropped": 60,
        "own_test": 2,
        "relabelled": 1,
        "copies": 1,
        "groups": 2,
        "unlabelled": 4,
    }
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(evaluation(measured))
    said = console.export_text()
    assert "3 examples in 2 groups measured (the test rows" in said and "2 of them are the run's own test rows" in said
    for part in ("1,200 that the model was trained", "559 of groups that", "60 that the", "4 without", "zebra (2)"):
        assert part in said
    assert "1 of them: the label is the one that the run's corrections gave" in said
    assert "1 of them with the content of another" in said
    assert "3 other files ignored" in said and "a.png: empty file" in said


@pytest.mark.parametrize(("whole", "said"), [
    (True, "these are the run's own test rows: nothing new beside its report"),
    (False, "these are 53 of the run's own test rows\n"),
])  # fmt: skip
def test_nothing_is_new_only_where_all_of_the_test_rows_are_there(whole: bool, said: str) -> None:
    none = dict.fromkeys(("groups", "relabelled", "copies", "seen", "seen_groups", "dropped", "unlabelled"), 0)
    measured = {"rows": 53, "own_test": 53, "whole_test": whole, "split": "all", "notes": [], "metrics": {}}
    output = io.StringIO()
    Console(file=output, width=100).print(evaluation({**none, **measured, "unknown": {}, "problems": []}))
    assert said in output.getvalue()


@pytest.mark.parametrize("size", [1e-3, 9.99e8, 9.9e9, 9.9e12, 9.9e-13])
def test_no_error_is_cut_in_the_table_of_four_models(size: float) -> None:
    its = {name: {"value": size, "low": 0.9 * size, "high": 1.1 * size, "n": 9} for name in ("mae", "rmse")}
    its["r2"] = {"value": -size, "low": -1.1 * size, "high": -0.9 * size, "n": 9}
    output = io.StringIO()
    table = metrics_table(dict.fromkeys(("model", "linear model", "boosting", "mean"), its), "234 test rows")
    Console(file=output, width=80).print(table)
    assert "RMSE" in output.getvalue() and "…" not in output.getvalue()


def test_what_is_not_as_asked_is_said_to_people_and_to_programs() -> None:
    notice = Notice("the disk is full\x1b[2J")
    output = io.StringIO()
    show([notice, Finished(trained.run())], Console(file=output, width=100))
    assert "the disk is full\\x1b[2J" in output.getvalue()
    assert as_json(notice) == {"event": "notice", "text": notice.text}


def test_decoding_is_told_from_reading() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100)
    show([Advance(1, 2), Advance(1, 2, "decoding"), Finished(trained.run())], console)
    assert "decoding" in output.getvalue()


def test_the_ranking_of_rare_classes_is_a_row_where_most_examples_are_of_one() -> None:
    def said(counts: list[int]) -> str:
        told = {**trained.run().report, "class_counts": {"test": counts}}
        console = Console(file=io.StringIO(), width=120, record=True)
        console.print(summary(SimpleNamespace(report=told, path=Path("run"))))  # type: ignore[arg-type]
        return console.export_text()

    assert "AUROC" in said([90, 10]) and "AUROC" not in said([50, 50])
