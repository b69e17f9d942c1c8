import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import test_multilabel
import test_regression
import trained
from fake_run import fake_run
from rich.console import Console

import unfazed
from unfazed.analysis.comparison import holm
from unfazed.cli import main
from unfazed.errors import SourceError, UsageError
from unfazed.report.comparison import comparison
from unfazed.run import Run


def worse(run: Run, folder: Path, mistakes: int) -> Run:
    """A copy that gets so many more test rows wrong, or numbers further off."""
    copy = Run(shutil.copytree(run.path, folder))
    scores, rows = copy.scores(), copy.table().rows("test")
    probs, y = scores["probs"].copy(), copy.table().y()
    if run.task == "regression":
        targets = copy.table().targets()[rows]
        probs[rows, 0] = targets + 3 * (probs[rows, 0] - targets)
    else:
        right = rows[probs[rows].argmax(1) == y[rows]][:mistakes]
        probs[right] = np.roll(probs[right], 1, axis=1)
    copy.write_arrays("scores.npz", {**scores, "probs": probs})
    return copy


def shown(told: dict) -> str:
    console = Console(width=300)
    with console.capture() as capture:
        console.print(comparison(told))
    return capture.get()


def test_a_difference_is_told_with_its_interval_test_and_n(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "one")
    told = unfazed.compare(run, worse(run, tmp_path / "other", 20))
    (pair,) = told["comparisons"]
    n = len(run.table().rows("test"))
    assert told["rows"] == n and pair["difference"]["n"] == n
    assert (pair["only_first_right"], pair["only_second_right"]) == (20, 0)
    assert pair["difference"]["value"] == pytest.approx(20 / n) and pair["difference"]["low"] > 0
    assert pair["p"] == pytest.approx(2 * 0.5**20) and pair["distinguishable"]
    assert pair["log_loss_difference"]["high"] < 0
    accuracy = [metrics["accuracy"]["value"] for metrics in told["metrics"]]
    assert accuracy[0] - accuracy[1] == pytest.approx(pair["difference"]["value"])
    said = shown(told)
    assert ", p < 0.001; surprise" in said
    assert "one is better than other." in said and "20 : 0 where only one is right" in said and f"n = {n}" in said


def test_what_cannot_be_told_apart_is_said_with_the_n_that_might(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "one")
    told = unfazed.compare(run, worse(run, tmp_path / "other", 3))
    (pair,) = told["comparisons"]
    assert not pair["distinguishable"] and pair["difference"]["low"] <= 0
    assert f"accuracy +{300 / told['rows']:.1f} points (−" in shown(told), "a minus, not a hyphen"
    assert pair["rows_needed"] > told["rows"]
    assert "one and other are not distinguishable" in shown(told) and "test examples might show it" in shown(told)


@pytest.mark.parametrize(("mistakes", "lower", "chance", "said"), [
    (3, 0, 0.001, "one and other are not distinguishable by accuracy, but one is less surprised by the labels. "),
    (3, 1, 0.001, "one and other are not distinguishable by accuracy, but other is less surprised by the labels. "),
    (3, 0, 0.2, "one and other are not distinguishable. "),
    (20, 0, 0.001, "one is better than other. "),
    (20, 1, 0.001, "one is better than other by accuracy, but other is less surprised by the labels. "),
])  # fmt: skip
def test_runs_that_only_their_surprise_tells_apart_are_told_apart_by_it(
    tmp_path: Path, mistakes: int, lower: int, chance: float, said: str
) -> None:
    run = fake_run(tmp_path / "one")
    told = unfazed.compare(run, worse(run, tmp_path / "other", mistakes))
    value = (0.1, -0.1)[lower == 0]
    surprise = {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 9}
    pair = {**told["comparisons"][0], "log_loss_difference": surprise, "log_loss_p_corrected": chance}
    assert said in shown({**told, "comparisons": [pair]})


@pytest.mark.parametrize(("changes", "only"), [({"seed": 7}, True), ({"seed": 7, "epochs": 9}, False), ({}, False)])
def test_runs_that_differ_only_in_the_seed_are_said_to(tmp_path: Path, changes: dict[str, int], only: bool) -> None:
    run = fake_run(tmp_path / "one")
    other = worse(run, tmp_path / "other", 20)
    other.write_recipe(replace(other.recipe, **changes))
    other = Run(other.path)
    told = unfazed.compare(run, other)
    assert sorted(told["comparisons"][0]["settings"]) == sorted(changes) and told["comparisons"][0]["same_data"]
    said = " ".join(shown(told).split())
    assert ("These runs differ only in the seed" in said) == only
    assert "One training each: another seed alone may make as large a difference." in said
    table = other.table()
    labels = table.frame["label"].to_list()
    labels[table.rows("train")[0]] = next(name for name in run.classes if name != labels[table.rows("train")[0]])
    other.write_table(replace(table, frame=table.frame.with_columns(pl.Series("label", labels))))
    (pair,) = unfazed.compare(run, Run(other.path))["comparisons"]
    assert not pair["same_data"] and "only in the seed" not in shown({**told, "comparisons": [pair]})


def test_runs_that_cannot_be_told_apart_need_no_word_on_seeds(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "one")
    assert "seed" not in shown(unfazed.compare(run, worse(run, tmp_path / "other", 0)))


def test_several_comparisons_are_corrected(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "one")
    told = unfazed.compare(run, worse(run, tmp_path / "b", 7), worse(run, tmp_path / "c", 1))
    p, corrected = ([pair[name] for pair in told["comparisons"]] for name in ("p", "p_corrected"))
    assert [(pair["first"], pair["second"]) for pair in told["comparisons"]] == [(0, 1), (0, 2), (1, 2)]
    assert min(p) < 0.05 and corrected[0] == pytest.approx(3 * p[0])
    assert "corrected for 3 comparisons" in shown(told)
    p, corrected = ([pair[name] for pair in told["comparisons"]] for name in ("log_loss_p", "log_loss_p_corrected"))
    assert corrected == pytest.approx(holm(p)) and corrected != p, "it stands in the same sentence"
    for pair, chance in zip(told["comparisons"], corrected, strict=True):
        sentence = next(line for line in shown({**told, "comparisons": [pair]}).splitlines() if "surprise " in line)
        assert sentence.partition("; surprise ")[2].partition("p ")[2].startswith(("< 0.001", f"= {chance:.2g}"))


def test_names_of_runs_are_no_markup(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run")
    for names in (["exp[lr=0.1]", "exp[red]"], ["one[/b]", "other[/b]"]):
        told = unfazed.compare(*(Run(shutil.copytree(run.path, tmp_path / name)) for name in names))
        assert names in [line.split() for line in shown(told).splitlines()]


def test_runs_of_few_groups_are_not_told_apart_by_what_one_group_says(tmp_path: Path) -> None:
    """All 20 mistakes are of one patient: as examples they settle it, as one of eight patients they do not."""
    run = fake_run(tmp_path / "one")
    other = worse(run, tmp_path / "other", 20)
    rows, table = run.table().rows("test"), run.table()
    wrong = (run.scores()["probs"] != other.scores()["probs"]).any(1)
    patient = np.array([f"p{row % 7}" for row in range(len(table))], dtype=object)
    patient[rows[wrong[rows]]] = "unlucky"
    for one in (run, other):
        one.write_table(replace(table, frame=table.frame.with_columns(group=pl.Series(patient.tolist()))))
    told = unfazed.compare(Run(run.path), Run(other.path))
    (pair,) = told["comparisons"]
    assert told["groups"] == 8 and pair["difference"]["value"] == pytest.approx(20 / told["rows"])
    assert not pair["distinguishable"] and pair["difference"]["low"] <= 0 and pair["p"] == 1
    assert f"{told['rows']} test examples in 8 groups" in shown(told) and "in 8 groups, p = 1" in shown(told)


def test_eight_runs_can_be_told_apart_by_their_errors(tmp_path: Path) -> None:
    """28 comparisons: what 1,000 resamples can say at the least is not enough for any of them."""
    run = test_regression.run()
    copies = [Run(shutil.copytree(run.path, tmp_path / f"{number}")) for number in range(8)]
    rows, targets = run.table().rows("test"), run.table().targets()
    for number, copy in enumerate(copies):
        scores = copy.scores()
        probs = scores["probs"].copy()
        probs[rows, 0] = targets[rows] + 1.5**number * (probs[rows, 0] - targets[rows])
        copy.write_arrays("scores.npz", {**scores, "probs": probs})
    told = unfazed.compare(*copies)
    assert len(told["comparisons"]) == 28 and all(pair["distinguishable"] for pair in told["comparisons"])


def test_rows_are_matched_by_content_and_those_not_common_are_left_out(tmp_path: Path) -> None:
    """The second run holds the rows in another order, has moved ten to training and lacks one."""
    run = fake_run(tmp_path / "one")
    copy = Run(shutil.copytree(run.path, tmp_path / "other"))
    table, test = copy.table(), copy.table().rows("test")
    sides = table.frame["split"].to_list()
    for row in test[:10]:
        sides[row] = "train"
    order = np.random.default_rng(0).permutation(np.delete(np.arange(len(table)), test[10]))
    copy.write_table(table.with_split(sides).where(order))
    copy.write_arrays("scores.npz", {name: array[order] for name, array in copy.scores().items()})
    copy.write_arrays("dynamics.npz", {name: array[:, order] for name, array in copy.dynamics().items()})
    told = unfazed.compare(run, copy)
    assert told["rows"] == len(test) - 11
    nothing = {"left_out": 0, "trained_on_by_another": 0, "of_groups_trained_on": 0, "labelled_otherwise": 0}
    assert told["left_out"] == [
        {**nothing, "test_rows": len(test), "left_out": 11, "trained_on_by_another": 10},
        {**nothing, "test_rows": len(test) - 11},
    ]
    assert told["comparisons"][0]["difference"]["value"] == 0 and told["comparisons"][0]["p"] == 1
    said = shown(told)
    why = "another was trained or chosen on: 10; not among the test rows of another: 1"
    assert f"left out: 11 of one's {len(test)} test rows ({why})" in said
    assert "No difference in accuracy was seen at all" in shown(told)


def test_rows_of_groups_that_another_run_trained_on_are_left_out(tmp_path: Path) -> None:
    """The first run keeps each patient on one side; the second knows of none, and has trained on some of them."""
    run = fake_run(tmp_path / "one")
    other = worse(run, tmp_path / "other", 5)
    table, test = run.table(), run.table().rows("test")
    patient = np.array([f"p{row}" for row in range(len(table))], dtype=object)
    patient[test] = [f"tested {row // 5}" for row in range(len(test))]
    sides = table.frame["split"].to_list()
    for row in test[:15:5]:
        sides[row] = "train"
    other.write_table(table.with_split(sides))
    assert unfazed.compare(run, Run(other.path))["rows"] == len(test) - 3
    run.write_table(replace(table, frame=table.frame.with_columns(group=pl.Series(patient.tolist()))))
    told = unfazed.compare(Run(run.path), Run(other.path))
    assert told["rows"] == len(test) - 15
    first, second = told["left_out"]
    assert (first["left_out"], first["trained_on_by_another"], first["of_groups_trained_on"]) == (15, 3, 12)
    assert (second["left_out"], second["trained_on_by_another"], second["of_groups_trained_on"]) == (12, 0, 12)
    assert "(another was trained or chosen on: 3; of groups that a run was trained or chosen on: 12)" in shown(told)
    patient[table.rows("train")[:3]] = [f"tested {number}" for number in range(3)]
    run.write_table(replace(table, frame=table.frame.with_columns(group=pl.Series(patient.tolist()))))
    told = unfazed.compare(Run(run.path), Run(other.path))
    assert told["rows"] == len(test) - 3, "the source itself has these patients on both sides"


def test_labels_corrected_between_two_runs_are_left_out_and_said_to_be(tmp_path: Path) -> None:
    """The second run has five test labels corrected to what the first one said; two examples were dropped."""
    run = fake_run(tmp_path / "one")
    copy = Run(shutil.copytree(run.path, tmp_path / "other"))
    table, test, labels = copy.table(), copy.table().rows("test"), copy.table().frame["label"].to_list()
    for row in test[:5]:
        labels[row] = run.classes[(run.classes.index(labels[row]) + 1) % len(run.classes)]
    order = np.delete(np.arange(len(table)), test[5:7])
    corrected = replace(table, frame=table.frame.with_columns(pl.Series("label", labels)))
    copy.write_table(corrected.where(order))
    copy.write_arrays("scores.npz", {name: array[order] for name, array in copy.scores().items()})
    copy.write_arrays("dynamics.npz", {name: array[:, order] for name, array in copy.dynamics().items()})
    told = unfazed.compare(run, copy)
    assert told["rows"] == len(test) - 7 and told["comparisons"][0]["p"] == 1
    assert [one["labelled_otherwise"] for one in told["left_out"]] == [5, 5]
    said = shown(told)
    assert f"left out: 7 of one's {len(test)} test rows (labelled otherwise in another: 5; not among" in said
    assert "5 of other's" in said and "compared by neither label" in said


@pytest.mark.parametrize("merge", [True, False])
def test_rows_whose_labels_were_merged_are_common_however_they_are_spelt(merge: bool, tmp_path: Path) -> None:
    run = fake_run(tmp_path / "one", classes=["cat", "dog", "owl"])
    other = fake_run(tmp_path / "other", classes=["CAT", "DOG", "OWL"])
    other.write_json("origin.json", {**other.origin, "options": {"merge_case": merge}})
    if merge:
        told = unfazed.compare(run, Run(other.path))
        assert told["rows"] == len(run.table().rows("test"))
        assert told["comparisons"][0]["log_loss_difference"]["value"] == 0, "they say the same of the same classes"
    else:
        with pytest.raises(SourceError, match="no test row in common"):
            unfazed.compare(run, Run(other.path))


def test_truth_is_common_however_programs_write_it(tmp_path: Path) -> None:
    run, other = (fake_run(tmp_path / no, classes=[no, yes]) for no, yes in (("false", "true"), ("False", "True")))
    told = unfazed.compare(run, other)
    assert told["rows"] == len(run.table().rows("test"))
    assert told["comparisons"][0]["log_loss_difference"]["value"] == 0


def test_numbers_are_compared_by_their_errors(tmp_path: Path) -> None:
    run = test_regression.run()
    told = unfazed.compare(run, worse(run, tmp_path / "other", 0))
    (pair,) = told["comparisons"]
    assert pair["metric"] == "mae" and pair["difference"]["high"] < 0 and pair["distinguishable"]
    assert pair["difference"]["value"] == pytest.approx(-2 * told["metrics"][0]["mae"]["value"], rel=1e-4)
    assert pair["r2_difference"]["value"] > 0


@pytest.mark.parametrize("grouped", [True, False])
def test_one_row_or_one_group_tells_nothing_apart_and_it_is_said(grouped: bool, tmp_path: Path) -> None:
    run = test_regression.run()
    copies = [Run(shutil.copytree(run.path, tmp_path / name)) for name in ("one", "other")]
    table = run.table()
    first = table.rows("test")[0]
    alone = ["train" if side == "test" and row != first else side for row, side in enumerate(table.frame["split"])]
    group = pl.when(split="test").then(pl.lit("one")).otherwise(None)
    for copy in copies:
        copy.write_table(replace(table, frame=table.frame.with_columns(group=group)) if grouped
                         else table.with_split(alone))  # fmt: skip
    told = unfazed.compare(*(Run(copy.path) for copy in copies))
    said = shown(told)
    reason = "all of them are of one group" if grouped else "there is one test row in common"
    assert f"one and other cannot be told apart: {reason}" in " ".join(said.split())


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    run = trained.run()
    with pytest.raises(UsageError, match="two runs or more, got 1"):
        unfazed.compare(run)
    with pytest.raises(UsageError, match="is a classification run and .* a regression run"):
        unfazed.compare(run, test_regression.run())
    with pytest.raises(UsageError, match="named twice"):
        unfazed.compare(run, str(run.path))
    with pytest.raises(SourceError, match="no test row in common"):
        unfazed.compare(run, fake_run(tmp_path / "other"))


def test_the_command_prints_sentences_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = fake_run(tmp_path / "one")
    other = worse(run, tmp_path / "other", 20)
    with pytest.raises(SystemExit):
        main(["compare", str(run.path), str(other.path), "--json"])
    assert json.loads(capsys.readouterr().out) == unfazed.compare(run, other)
    with pytest.raises(SystemExit):
        main(["compare", str(run.path), str(other.path)])
    assert "one is better than other." in capsys.readouterr().out


def test_sets_of_labels_are_compared_by_f1(tmp_path: Path) -> None:
    run = test_multilabel.run()
    other = Run(shutil.copytree(run.path, tmp_path / "other"))
    scores, rows = other.scores(), other.table().rows("test")
    probs = scores["probs"].copy()
    probs[rows[:20]] = 1 - probs[rows[:20]]
    other.write_arrays("scores.npz", {**scores, "probs": probs})
    told = unfazed.compare(run, other)
    (pair,) = told["comparisons"]
    own, its = (metrics["f1_micro"]["value"] for metrics in told["metrics"])
    assert pair["metric"] == "f1_micro" and pair["difference"]["value"] == pytest.approx(own - its)
    assert own - its > 0.1 and pair["difference"]["low"] > 0 and pair["p"] <= 0.05 and pair["distinguishable"]
    assert pair["log_loss_difference"]["high"] < 0
    assert 1 < pair["rows_needed"] < len(rows), "so large a difference takes fewer than there are"
    assert "is better than other." in shown(told) and ": F1 +" in shown(told)
    (same,) = unfazed.compare(run, Run(shutil.copytree(run.path, tmp_path / "same")))["comparisons"]
    assert same["difference"]["value"] == 0 and same["p"] == 1 and not same["distinguishable"]


def test_sets_of_other_labels_have_no_common_measure(tmp_path: Path) -> None:
    run = test_multilabel.run()
    other = Run(shutil.copytree(run.path, tmp_path / "other"))
    other.write_json("model.json", {**other.model, "classes": ["files", "web"]})
    with pytest.raises(UsageError, match="know different labels"):
        unfazed.compare(run, Run(other.path))
