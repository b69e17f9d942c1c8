"""report.json: right numbers, stable names, strict JSON, and sentences that claim only what was measured."""

import json
import shutil
from dataclasses import replace

import numpy as np
import polars
import pytest
from fake_run import LABELS, MEASUREMENTS, fake_run, without_split
from sklearn.metrics import accuracy_score, f1_score, log_loss

from unfazed.analysis.intervals import Estimate
from unfazed.errors import RunError
from unfazed.report.card import card
from unfazed.report.facts import best_epoch, evidence, facts, finite, rows_to_show
from unfazed.report.overview import hero
from unfazed.report.selection import selection
from unfazed.report.verdict import headline, verdict
from unfazed.run import Run
from unfazed.table import Table

ESTIMATE = {"value", "low", "high", "n"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fake_run(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def told(run):
    return facts(run)


def strict(text):
    """Parses JSON that has no NaN and no infinity."""

    def refuse(name):
        raise AssertionError(f"{name} in JSON")

    return json.loads(text, parse_constant=refuse)


def test_names_are_stable(told):
    assert set(told) == {
        "format", "task", "classes", "source", "counts", "class_counts", "purposes", "problems", "duplicates", "flip",
        "train", "validation", "test", "surprise", "baselines", "evaluated_on", "per_class", "confusion", "surprising",
        "certainty", "labels", "corrections", "epochs", "best_epoch", "recipe", "timings", "origin", "model",
        "latency", "run", "next", "headline", "verdict", "diagnosis", "groups",
    }  # fmt: skip
    names = {"accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro", "roc_auc", "log_loss",
             "d2_log_loss_score", "brier_score_loss", "calibration_error"}  # fmt: skip
    for split in ("train", "validation", "test"):
        assert set(told[split]) == names
        assert all(set(estimate) == ESTIMATE for estimate in told[split].values())
    assert told["format"] == 1


def test_metrics_are_those_of_each_split(run, told):
    table, probs = run.table(), run.scores()["probs"]
    for split in ("train", "validation", "test"):
        rows = table.rows(split)
        y, predicted = table.y()[rows], probs[rows].argmax(1)
        assert told[split]["accuracy"]["value"] == pytest.approx(accuracy_score(y, predicted))
        assert told[split]["f1_macro"]["value"] == pytest.approx(f1_score(y, predicted, average="macro"))
        assert told[split]["log_loss"]["value"] == pytest.approx(log_loss(y, probs[rows]), rel=1e-5)
        assert told[split]["accuracy"]["n"] == len(rows) == told["counts"][split]


def test_bits_before_and_after_give_the_share_removed(told):
    found = told["surprise"]["test"]
    after, before = found["cross_entropy_bits"]["value"], found["label_entropy_bits"]
    assert after == pytest.approx(told["test"]["log_loss"]["value"] / np.log(2))
    assert found["share_removed"]["value"] == pytest.approx(1 - after / before)
    assert found["share_removed"]["value"] == told["test"]["d2_log_loss_score"]["value"]


def test_json_is_strict(told):
    assert strict(json.dumps(told, allow_nan=False)) == told


def test_finite_leaves_no_nan_and_no_numpy():
    value = {
        "a": float("nan"),
        "b": [np.float32("inf"), np.int64(3)],
        "c": (np.array([1.0, np.nan]),),
        "d": "nan",
        "e": "\ud800",
    }
    assert finite(value) == {"a": None, "b": [None, 3], "c": [[1.0, None]], "d": "nan", "e": "?"}


def test_the_commonest_class_is_that_of_training(run, told):
    table = run.table()
    train, test = table.y()[table.rows("train")], table.y()[table.rows("test")]
    expected = (test == np.bincount(train).argmax()).mean()
    assert told["baselines"]["majority"]["test"]["accuracy"]["value"] == pytest.approx(expected)
    assert told["baselines"]["linear"] == MEASUREMENTS["baselines"]["linear"]


def test_training_is_ranked_by_the_mean_over_epochs(run, told):
    mean = run.dynamics()["losses"].astype(np.float64).mean(0) / np.log(2)
    rows = [example["row"] for example in told["surprising"]["train"]]
    assert rows[0] == int(np.nanargmax(mean))
    assert [example["bits"] for example in told["surprising"]["train"]] == pytest.approx(mean[rows].tolist())
    assert set(rows) <= set(run.table().rows("train").tolist())


def test_validation_is_ranked_by_the_finished_model(run, told):
    first = told["surprising"]["validation"][0]
    probs, y = run.scores()["probs"], run.table().y()
    rows = run.table().rows("validation")
    assert first["bits"] == pytest.approx((-np.log2(probs[rows, y[rows]])).max())
    assert first["label"] == LABELS[y[first["row"]]]
    assert first["predicted"] == LABELS[probs[first["row"]].argmax()]
    assert 2.0 ** -first["bits"] == pytest.approx(first["probability"], rel=1e-5)


def test_the_best_epoch_is_the_last_that_was_best_so_far():
    assert best_epoch([{"epoch": 1, "best": True}, {"epoch": 2, "best": True}, {"epoch": 3, "best": False}]) == 2
    assert best_epoch([]) is None


def test_paths_of_the_machine_stay_at_home(told):
    assert "/home/somebody" not in json.dumps(told)


def test_rows_without_a_label_or_a_split_are_left_out(tmp_path):
    run = fake_run(tmp_path / "a", rows=60)
    table = run.table()
    label = table.frame["label"].to_list()
    label[:5] = [None] * 5
    blank = replace(table, frame=table.frame.with_columns(polars.Series("label", label)))
    again = fake_run(tmp_path / "b", rows=60, table=blank)
    told = facts(again)
    assert sum(told[split]["accuracy"]["n"] for split in ("train", "validation", "test")) == 55
    assert not {0, 1, 2, 3, 4} & set(
        rows_to_show(blank, again.scores()["probs"], again.dynamics()["losses"])
    )


def test_without_a_test_set_validation_speaks_and_says_so(tmp_path):
    table = without_split(fake_run(tmp_path / "a").table(), "test")
    told = facts(fake_run(tmp_path / "b", table=table))
    assert told["evaluated_on"] == "validation"
    assert "validation images right" in told["headline"]
    assert "no test set" in told["verdict"][0]["text"]
    assert told["test"]["accuracy"] == {"value": None, "low": 0.0, "high": 1.0, "n": 0}


def test_without_any_held_out_rows_nothing_is_claimed(tmp_path):
    table = without_split(without_split(fake_run(tmp_path / "a", rows=60).table(), "test"), "validation")
    told = facts(fake_run(tmp_path / "b", rows=60, table=table))
    assert "nothing is known" in told["headline"]
    assert told["verdict"] == []


def test_measurements_may_be_missing(tmp_path):
    run = fake_run(tmp_path / "run", rows=60)
    (run.path / "measurements.json").unlink()
    told = facts(run)
    assert "linear" not in told["baselines"]
    assert told["latency"] is None


def test_files_of_two_runs_are_refused(tmp_path):
    run = fake_run(tmp_path / "run", rows=60)
    run.write_arrays("scores.npz", {"probs": np.full((59, 6), 1 / 6, np.float32)})
    with pytest.raises(RunError, match=r"60 rows.*\(59, 6\)"):
        evidence(run)
    run.write_arrays("scores.npz", {"embeddings": np.zeros((60, 2))})
    with pytest.raises(RunError, match="lacks probs"):
        evidence(run)


def test_damaged_measurements_and_epochs_are_named(tmp_path):
    run = fake_run(tmp_path / "a", rows=60, measurements={"flip": {"chosen": "none", "n": 9, "original": 0.5}})
    with pytest.raises(RunError, match=r"measurements\.json is damaged: flip\.original is 0\.5"):
        facts(run)
    run = fake_run(tmp_path / "b", rows=60)
    run.write_text("epochs.jsonl", '{"step": 3}\n')
    with pytest.raises(RunError, match=r"epochs\.jsonl is damaged"):
        facts(run)


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.5])
def test_probs_that_are_none_are_refused(tmp_path, wrong):
    run = fake_run(tmp_path / "run", rows=60)
    probs = run.scores()["probs"]
    probs[7, 2] = wrong
    run.write_arrays("scores.npz", {"probs": probs})
    with pytest.raises(RunError, match=r"scores\.npz is damaged: probs"):
        evidence(run)
    run.write_arrays("scores.npz", {"probs": probs.astype(str)})
    with pytest.raises(RunError, match=r"scores\.npz is damaged: probs"):
        evidence(run)


def test_losses_of_text_and_other_classes_are_refused(tmp_path):
    run = fake_run(tmp_path / "run", rows=60)
    run.write_arrays("dynamics.npz", {"losses": run.dynamics()["losses"].astype(str)})
    with pytest.raises(RunError, match="losses are <U"):
        evidence(run)
    run = fake_run(tmp_path / "other", rows=60)
    run.write_json("model.json", run.model | {"classes": list(reversed(run.classes))})
    with pytest.raises(RunError, match="name other classes"):
        evidence(Run(run.path))


def test_the_place_of_damage_is_named(tmp_path):
    run = fake_run(tmp_path / "run", rows=60, origin={"timings": {"train": "x"}})
    with pytest.raises(RunError, match=r"origin\.json is damaged: timings\.train is 'x', not a number"):
        facts(run)
    run = fake_run(tmp_path / "b", rows=60)
    run.write_text("epochs.jsonl", '{"epoch": 1, "train": 5}\n')
    with pytest.raises(RunError, match=r"epochs\.jsonl is damaged: \[0\]\.train is 5, not an object"):
        facts(run)


def test_copies_are_listed_or_the_damage_is_named(tmp_path):
    run = fake_run(tmp_path / "run", rows=60)
    found = facts(run)["duplicates"]
    assert (found["count"], found["conflicting"], len(found["first"])) == (12, 2, 12)
    assert [row["conflicting"] for row in found["first"]] == [True] * 2 + [False] * 10
    head = "id,label,split,same_as,conflicting\n"
    for text in ("id,label\na,b\n", f"{head}a,b\n", f"{head}a,b,c,d,maybe\n", f"{head}a,b,c,d,True,e\n", f'{head}"a'):
        (run.path / "duplicates.csv").write_text(text)
        with pytest.raises(RunError, match=r"duplicates\.csv is damaged"):
            facts(run)
    (run.path / "duplicates.csv").write_bytes(head.encode() + b"\xff,b,c,d,True\n")
    with pytest.raises(RunError, match=r"duplicates\.csv is damaged"):
        facts(run)
    (run.path / "duplicates.csv").unlink()
    (run.path / "duplicates.csv").mkdir()
    with pytest.raises(RunError, match=r"duplicates\.csv cannot be read: Is a directory"):
        facts(run)
    (run.path / "duplicates.csv").rmdir()
    (run.path / "duplicates.csv").write_text(head + "a,b,train,c,False\n" * 100)
    assert len(facts(run)["duplicates"]["first"]) == 20
    (run.path / "duplicates.csv").unlink()
    assert facts(run)["duplicates"]["first"] == []


def test_what_is_null_is_not_known(tmp_path):
    run = fake_run(tmp_path / "run", rows=60, measurements=dict.fromkeys(MEASUREMENTS), origin={"timings": None})
    told = facts(run)
    assert "linear" not in told["baselines"] and told["timings"] == {}
    assert told["latency"] is told["flip"] is told["duplicates"] is None


# Sentences


def changed(told, **accuracy):
    """The facts with another accuracy by split: test=(value, low, high, n)."""
    new = {split: {**told[split], "accuracy": dict(zip(("value", "low", "high", "n"), values, strict=True))}
           for split, values in accuracy.items()}  # fmt: skip
    return {**told, **new}


def sentences(told):
    return " ".join(line["text"] for line in verdict(told))


def test_the_headline_has_n_and_an_interval(told):
    assert headline(changed(told, test=(355 / 360, 0.9681, 0.9940, 360))) == (
        "98.6 % of 360 test images right (95 % interval 96.8 – 99.4 %)"
    )


def beside_linear(told, value, low, high):
    """The facts with another paired difference between the model's accuracy and the linear model's."""
    gain = {"value": value, "low": low, "high": high, "n": 150}
    linear = {"test": {**told["baselines"]["linear"]["test"], "accuracy_difference": gain}}
    return {**told, "baselines": {**told["baselines"], "linear": linear}}


def test_the_linear_model_is_compared_example_by_example(told):
    assert "not distinguishable from it" in sentences(beside_linear(told, 0.02, -0.01, 0.05))
    better = sentences(beside_linear(told, 0.34, 0.26, 0.42))
    assert "the model is better by 34.0 points (26.0 – 42.0, compared example by example)" in better
    worse = sentences(beside_linear(told, -0.23, -0.30, -0.16))
    assert "it beats the model, by 23.0 points (16.0 – 30.0" in worse


def test_better_probabilities_of_the_linear_model_are_said(told):
    own = {**told["test"], "log_loss": {"value": 0.18 * np.log(2), "low": 0.1, "high": 0.2, "n": 150}}

    def beside(left, smoothing, surely=True):
        loss = {"value": left * np.log(2), "low": 0.0, "high": 1.0, "n": 150}
        more = {"value": 0.03, "low": 0.01 if surely else -0.01, "high": 0.06, "n": 150}
        its = {"log_loss": loss} | ({} if surely is None else {"log_loss_difference": more})
        linear = {"test": {**told["baselines"]["linear"]["test"], **its}}
        recipe = {**told["recipe"], "label_smoothing": smoothing}
        return sentences({**told, "test": own, "recipe": recipe, "baselines": {**told["baselines"], "linear": linear}})

    best = "The probabilities of a linear model on the pixels are the better ones"
    said = f"{best}: 0.15 bits (0.00 – 1.44) of surprise left against 0.18 bits (0.14 – 0.29), n = 150"
    assert f"{said}; label smoothing (0.1)" in beside(0.15, 0.1)
    assert f"{said}." in beside(0.15, 0.0)
    assert "better ones" not in beside(0.15, 0.0, surely=False)
    assert "better ones" not in beside(0.15, 0.0, surely=None), "of a run that did not compare them by example"
    assert "better ones" not in beside(0.178, 0.1)
    assert "better ones" not in beside(0.3, 0.1)


def test_no_better_than_the_commonest_class_is_said(told):
    """By the examples that only one of the two gets right: two intervals that overlap do not settle it."""
    guess = told["baselines"]["majority"]["test"]

    def against(low):
        gain = {**guess["accuracy_difference"], "low": low}
        majority = {"majority": {"test": {**guess, "accuracy_difference": gain}}}
        return sentences({**changed(told, test=(0.20, 0.14, 0.26, 164)), "baselines": majority})

    assert "not shown to be better" in against(-0.01)
    assert "not shown to be better" not in against(0.01)


def test_small_sets_are_flagged(told):
    assert "n = 12: the interval is wide (42.0 points)" in sentences(changed(told, test=(0.75, 0.47, 0.89, 12)))
    assert "wide" not in sentences(changed(told, test=(0.97, 0.94, 0.99, 400)))


def test_one_image_is_one(told):
    assert headline(changed(told, test=(1.0, 0.2, 1.0, 1))).startswith("100 % of 1 test image right")


def test_worse_than_the_class_shares_is_said_and_not_why(told):
    said = sentences(removing(told, -0.3, -0.5, -0.1))
    assert "worse than naming the class shares" in said
    assert "overconfident" not in said


@pytest.mark.parametrize("value, gone", [(-0.01, "−1.0 %"), (0.01, "1.0 %")])
def test_surprise_is_neither_gone_nor_worse_where_that_is_not_sure(told, value, gone):
    said = sentences(removing(told, value, -0.2, 0.15))
    assert f"not shown to be less ({gone} gone, −20.0 – 15.0 %)." in said
    assert "worse than" not in said and "is gone" not in said
    assert "not shown to be less (60.0 % gone, interval not known)." in sentences(removing(told, 0.6, None, None))
    assert "100 % of the surprise is gone (interval not known)" in sentences(removing(told, 1.0, None, None))


def removing(told, value, low, high):
    """The facts with another share of the surprise that the model takes away."""
    found = {**told["surprise"]["test"], "share_removed": {"value": value, "low": low, "high": high, "n": 150}}
    return {**told, "surprise": {**told["surprise"], "test": found}}


def test_what_one_group_cannot_tell_is_said_not_to_be_known(run, tmp_path):
    made = Run(shutil.copytree(run.path, tmp_path / "run"))
    made.write_temperature(Estimate(1.1, 0.9, 1.3, 90))
    table = made.table()
    of_test = np.isin(np.arange(len(table)), table.rows("test"))
    patients = polars.Series(["one patient" if one else None for one in of_test])
    made.write_table(replace(table, frame=table.frame.with_columns(group=patients)))
    found = facts(made)
    said = " ".join([found["headline"], *(line["text"] for line in found["verdict"])])
    n = f"n = {of_test.sum()} in 1 group"
    assert f"bits are left (interval not known, {n}): not shown to be less (" in said
    assert "taken at its word" not in said and "–, " not in said and "– – –" not in said and "off by –" not in said



def test_classes_without_test_examples_are_named(told):
    counts = {**told["class_counts"], "test": [0, 5, 5, 5, 5, 5]}
    assert "No test images of “cat”: how well it will" in sentences({**told, "class_counts": counts})
    counts["test"] = [0, 0, 0, 0, 0, 5]
    said = sentences({**told, "classes": ["\x1b[2J", *told["classes"][1:]], "class_counts": counts})
    assert "No test images of “\\x1b[2J”, “dog”, “<script>alert(1)</script>” and 2 more: how well they will" in said
    assert "\x1b" not in said


def test_a_linear_model_that_saw_fewer_images_says_so(told):
    linear = {**told["baselines"]["linear"], "rows": 50}
    few = {**told, "baselines": {**told["baselines"], "linear": linear}}
    n = told["counts"]["train"]
    assert f"A linear model on the pixels, fitted to 50 of the {n} training images, is right" in sentences(few)
    linear["rows"] = n
    assert "A linear model on the pixels is right" in sentences(few)


def test_a_run_of_groups_says_so_and_its_intervals_are_those_of_groups(told, tmp_path):
    """Six patients, one of whom the model gets all wrong."""
    run = fake_run(tmp_path / "run")
    table, scores = run.table(), run.scores()
    patients = np.arange(len(table)) // 10 % 6
    probs = scores["probs"].copy()
    probs[patients == 0] = np.eye(6, dtype=np.float32)[(table.y()[patients == 0] + 1) % 6] * 0.7 + 0.05
    run.write_arrays("scores.npz", {**scores, "probs": probs})
    strangers = facts(Run(run.path))
    named = [f"patient {number}" for number in patients]
    run.write_table(replace(table, frame=table.frame.with_columns(group=polars.Series(named))))
    found = facts(Run(run.path))
    n = len(table.rows("test"))
    assert found["groups"] == {"train": 6, "validation": 6, "test": 6} and strangers["groups"]["test"] is None
    for name, one in found["test"].items():
        other = strangers["test"][name]
        assert one["n"] == other["n"]
        assert name == "calibration_error" or one["value"] == pytest.approx(other["value"]), "less chance, which grew"
        assert one["high"] - one["low"] > 1.3 * (other["high"] - other["low"]), name
    assert found["headline"].partition(" of ")[2].startswith(f"{n} test images in 6 groups right")
    said = " ".join(line["text"] for line in found["verdict"])
    assert "come in 6 groups, which all intervals take as wholes. So few say little" in said
    assert said.count(f"n = {n} in 6 groups") >= 4 and "Only more groups of test images narrow it" in said
    written = card(found)
    assert "Intervals are 95 %, of whole groups." in written and f"| {n} in 6 groups |" in written
    assert "groups" not in " ".join(line["text"] for line in strangers["verdict"])


def test_the_confidence_is_what_is_taken_at_its_word(told):
    """Only the probability of the class that is named was measured, not those of the others."""
    error = {"value": 0.01, "low": 0.0, "high": 0.03, "n": 400}
    certainty = {**told["certainty"], "after": {**told["certainty"]["after"], "calibration_error": error}}
    said = sentences({**told, "certainty": certainty})
    assert "Its confidence can be taken at its word: off by 1.0 % (0 – 3.0 %, n = 400" in said
    assert "probabilities can be taken" not in said


# What is shown


def test_thumbnails_are_few_and_the_choice_is_the_same_twice(run):
    seen = evidence(run)
    rows = rows_to_show(seen.table, seen.probs, seen.losses)
    assert len(rows) == len(set(rows)) <= 240
    assert rows == rows_to_show(seen.table, seen.probs, seen.losses)
    shown = selection(seen.table, seen.y, seen.probs, seen.losses)
    assert max(map(len, shown.cells.values())) <= 12
    predicted = seen.probs.argmax(1)
    for (given, taken), members in shown.cells.items():
        assert (seen.y[members] == given).all()
        assert (predicted[members] == taken).all()
    mistakes = {(g, p) for g, p in zip(seen.y, predicted, strict=True) if g != p}
    tested = set(run.table().rows("test").tolist())
    assert {cell for cell in shown.cells if cell[0] != cell[1]} <= mistakes
    assert {row for members in shown.cells.values() for row in members} <= tested


def test_of_many_classes_the_commonest_mistakes_get_the_pictures():
    generator = np.random.default_rng(0)
    y = np.arange(5000) % 100
    probs = np.eye(100, dtype=np.float32)[np.where(generator.random(5000) < 0.5, y, (y + 1 + y % 3) % 100)]
    frame = polars.DataFrame({"id": [str(i) for i in range(5000)], "input": "x", "label": [f"c{k:02}" for k in y]})
    table = Table.of(frame, "root", "kind").with_split(["test"] * 5000)
    shown = selection(table, y, probs, np.zeros((1, 5000)))
    assert len(shown.cells) == 40
    assert all(given != predicted for given, predicted in shown.cells)
    assert sum(map(len, shown.cells.values())) == 240 - 48


def weighted(told, value, low, high):
    """The facts of a run whose classes were to count the same, with what it is ahead of a linear model by."""
    gain = {"value": value, "low": low, "high": high, "n": 150}
    test = told["baselines"]["majority"]["test"]
    its = {**test, "accuracy_difference": {**gain, "value": -0.08, "low": -0.1, "high": -0.06}}
    linear = {"words": "a linear model", "test": {**its, "balanced_accuracy_difference": gain}}
    recipe = {**told["recipe"], "class_weights": "balanced"}
    return {**told, "recipe": recipe, "baselines": {**told["baselines"], "linear": linear}}


def test_where_classes_were_to_count_the_same_models_are_compared_by_balanced_accuracy(told):
    """By the share that is right the simpler model, which names no rare class, would win."""
    said = sentences(weighted(told, 0.3, 0.2, 0.4))
    assert "finds 16.7 % of each class on average" in said and "the model is better by 30.0 points" in said
    assert "it beats the model" not in said
    assert "it beats the model, by 30.0 points" in sentences(weighted(told, -0.3, -0.4, -0.2))
    assert "of each class on average" in headline(weighted(told, 0.3, 0.2, 0.4))
    assert "of each class on average" not in headline(told) + sentences(told)
    drawn = str(hero(weighted(told, 0.3, 0.2, 0.4)))
    assert "100 % of each class" in drawn
    assert drawn.count('class="value">16.7 %') == 2  # of the linear model, and of naming the commonest class
    assert "100 % right" in str(hero(told))


def test_where_most_examples_are_of_one_class_the_ranking_is_told(told):
    def estimates(low):
        return {"roc_auc": {"value": 0.9, "low": low, "high": 0.95, "n": 1000},
                "average_precision": {"value": 0.25, "low": 0.05, "high": 0.5, "n": 1000}}  # fmt: skip

    def rare(low, counts=(991, 9)):
        test = {**told["test"], **estimates(low)}
        return {**told, "classes": ["ok", "fraud"], "class_counts": {"test": list(counts)}, "test": test}

    said = "AUROC 0.900 (0.800 – 0.950), average precision of “fraud” 0.250 (0.050 – 0.500; by chance 0.009), n = 9 of "
    assert f"{said}1,000." in sentences(rare(0.8))
    assert "not shown to be better than chance" in sentences(rare(0.4))
    assert "AUROC" not in sentences(rare(0.8, (700, 300)))
