"""The audit of labels: planted errors come first, are counted, and are told from mistakes of the model."""

import csv
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars
import pytest
from fake_run import fake_run

import unfazed
from unfazed.analysis import label_issues as module
from unfazed.analysis import neighbours
from unfazed.analysis.label_issues import checked, label_issues, references
from unfazed.analysis.label_sides import TEST, TRAIN, VALIDATION
from unfazed.analysis.neighbours import nearest
from unfazed.analysis.noise import channel, matched, wrong
from unfazed.analysis.residuals import number_issues
from unfazed.cli import main
from unfazed.corrections import Correction
from unfazed.errors import RunError, UsageError
from unfazed.report.facts import facts
from unfazed.report.labels import how_far, sentences
from unfazed.report.page import write_report
from unfazed.run import Run
from unfazed.verb.label_issues import labels_to_check, told, write_csv

CLASSES = 4


def judged(n=2000, noise=0.2, skill=3.0, seed=0, pairs=False):
    """True classes, labels of which a share is wrong, calibrated probabilities of true classes, embeddings, splits."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, skill, (n, CLASSES))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    true = np.array([generator.choice(CLASSES, p=p) for p in probs])
    y = true.copy()
    chosen = generator.permutation(n)[: round(noise * n)]
    y[chosen] = (y[chosen] + (1 if pairs else generator.integers(1, CLASSES, len(chosen)))) % CLASSES
    given = (1 - noise) * probs + noise * np.roll(probs, 1, axis=1) if pairs else probs
    if not pairs:
        given = (1 - noise - noise / (CLASSES - 1)) * probs + noise / (CLASSES - 1)
    split = generator.choice([TRAIN, VALIDATION, TEST], n, p=[0.6, 0.15, 0.25])
    return true, y, given.astype(np.float32), probs.astype(np.float32), split


@pytest.mark.parametrize("pairs", [False, True])
def test_wrong_labels_come_first_and_are_counted(pairs):
    true, y, given, embeddings, split = judged(skill=6.0, pairs=pairs)
    found = label_issues(y, given, embeddings, split)
    errors = y != true
    assert errors[found.order[:300]].mean() > 0.9
    assert found.count.low <= errors.sum() <= found.count.high
    assert abs(found.count.value - errors.sum()) < 0.2 * errors.sum()


def test_probabilities_are_calibrated():
    true, y, given, embeddings, split = judged(n=6000)
    found = label_issues(y, given, embeddings, split)
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.0)):
        rows = (found.error_probability >= low) & (found.error_probability < high)
        assert abs((y != true)[rows].mean() - found.error_probability[rows].mean()) < 0.12, (low, high)


def test_probabilities_fall_along_the_list_and_expect_what_the_rows_by_themselves_do(monkeypatch):
    own, judged_by_themselves = {}, module.judged

    def kept(*arguments):
        found = judged_by_themselves(*arguments)
        own[0] = found.error_probability
        return found

    monkeypatch.setattr(module, "judged", kept)
    _, y, given, embeddings, split = judged(n=3000, noise=0.3, skill=2.0)
    found = label_issues(y, given, embeddings, split)
    shown, alone = found.error_probability[found.order], own[0][found.order]
    assert (np.diff(alone) > 0).any() and (np.diff(shown) <= 0).all()
    assert shown.sum() == pytest.approx(alone.sum())
    dealt_out = -np.sort(-alone)  # the largest to the first: what a list that is sorted by them alone would have
    assert ((shown - alone) ** 2).mean() < 0.9 * ((dealt_out - alone) ** 2).mean()
    for depth in (300, 900, 1500):
        assert shown[:depth].sum() - alone[:depth].sum() < 0.5 * (dealt_out[:depth].sum() - alone[:depth].sum())


def test_no_more_than_three_further_arrays_of_all_probabilities_are_held(monkeypatch):
    monkeypatch.setattr(module, "CELLS", 200_000)
    monkeypatch.setattr(module, "RESAMPLES", 1)
    monkeypatch.setattr(neighbours, "BLOCK", 200_000)
    generator = np.random.default_rng(0)
    probs = generator.dirichlet(np.ones(100), 20_000).astype(np.float32)
    y, split, simple = generator.integers(0, 100, 20_000), generator.choice(3, 20_000), probs.astype(np.float16)
    label_issues(y[:500], probs[:500], probs[:500, :4], split[:500], simple[:500])  # what is imported is not counted
    tracemalloc.start()
    try:
        label_issues(y, probs, probs[:, :4], split, simple)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * probs.nbytes


def test_more_rows_take_no_more_inversions(monkeypatch):
    monkeypatch.setattr(module, "CELLS", 4_000)
    monkeypatch.setattr(module, "RESAMPLES", 1)
    taken, inverted = [], np.linalg.pinv
    monkeypatch.setattr(np.linalg, "pinv", lambda matrix: taken.append(len(matrix)) or inverted(matrix))
    counts = []
    for n in (1000, 4000):
        taken.clear()
        _, y, given, embeddings, split = judged(n=n)
        label_issues(y, given, embeddings, split)
        counts.append(len(taken))
    assert counts[0] == counts[1] > 0


def test_mistakes_of_the_model_are_not_taken_for_wrong_labels():
    _, y, given, embeddings, split = judged(noise=0.0, skill=1.5)
    found = label_issues(y, given, embeddings, split)
    assert found.disagreement > 0.3  # the data are ambiguous
    assert found.count.value < 0.25 * found.disagreement * len(y)


def test_what_is_suggested_is_another_label_and_mostly_the_true_one():
    true, y, given, embeddings, split = judged()
    found = label_issues(y, given, embeddings, split)
    errors = y != true
    assert (found.suggested != y).all()
    assert (found.suggested[errors] == true[errors]).mean() > 0.8


def test_a_row_without_a_label_is_no_issue():
    _, y, given, embeddings, split = judged(n=300)
    y[:7] = -1
    found = label_issues(y, given, embeddings, split)
    assert np.isnan(found.error_probability[:7]).all()
    assert sorted(found.order) == list(range(7, 300)) and found.count.n == 293


def test_a_test_set_with_better_labels_is_judged_for_itself():
    true, y, given, embeddings, split = judged(n=4000, noise=0.3)
    y[split == TEST] = true[split == TEST]
    found = label_issues(y, given, embeddings, split)
    of_test, of_others = (np.mean(found.error_probability[side]) for side in (split == TEST, split != TEST))
    assert of_test < 0.05 and abs(of_others - 0.3) < 0.06


def test_neighbours_that_know_less_than_the_model_are_not_asked():
    _, y, given, embeddings, split = judged(noise=0.1)
    noise = np.random.default_rng(1).normal(size=(len(y), 8))
    with_noise, alone = (label_issues(y, given, one, split) for one in (noise, embeddings[:, :0]))
    assert np.allclose(with_noise.error_probability, alone.error_probability)


def test_a_simple_model_that_has_not_seen_the_labels_corrects_one_that_has_learnt_them():
    true, y, _, embeddings, split = judged(n=3000, skill=6.0)
    by_heart = (split == TRAIN) & (np.random.default_rng(1).random(len(y)) < 0.7)
    learnt = np.where(by_heart[:, None], 0.6 * np.eye(CLASSES)[y] + 0.4 * embeddings, embeddings)
    alone, both = (label_issues(y, learnt, embeddings[:, :0], split, one) for one in (None, embeddings))
    errors = y != true
    assert errors[both.order[:600]].mean() > errors[alone.order[:600]].mean() + 0.06


def test_the_more_a_simple_model_lags_the_less_it_counts():
    _, y, given, embeddings, split = judged(noise=0.1)
    alone = label_issues(y, given, embeddings[:, :0], split).scores["margin"]
    draws, moved = np.random.default_rng(1).random(len(y)), []
    for share in (0, 0.06, 0.3):
        simple = np.where((draws < share)[:, None], np.roll(embeddings, 1, axis=1), embeddings)
        margin = label_issues(y, given, embeddings[:, :0], split, simple).scores["margin"]
        moved.append(np.abs(margin - alone)[draws > 0.3].mean())
    assert moved[0] > moved[1] > moved[2] == 0


def test_a_simple_model_that_knows_less_is_not_asked():
    _, y, given, embeddings, split = judged(noise=0.1)
    guesses = np.random.default_rng(1).dirichlet(np.ones(CLASSES), len(y))
    without, beside = (label_issues(y, given, embeddings, split, one) for one in (None, guesses))
    assert (without.order == beside.order).all()


def test_few_rows_and_one_class_are_no_error():
    for n, classes in ((1, 2), (3, 2), (12, 1)):
        y = np.arange(n) % classes
        probs = np.full((n, classes), 1 / classes, np.float32)
        found = label_issues(y, probs, np.zeros((n, 3)), np.zeros(n, np.int64))
        assert len(found.order) == n and np.isnan(found.count.value)  # who knows nothing calls no label wrong


def test_the_channel_finds_which_labels_are_given_for_which():
    _, y, given, _, _ = judged(n=8000, noise=0.2, skill=4.0, pairs=True)
    found = channel(y, given.astype(np.float64))
    for k in range(CLASSES):
        assert abs(found.given[k, (k + 1) % CLASSES] - 0.2) < 0.05
        assert abs(found.given[k, k] - 0.8) < 0.05


def test_few_rows_of_classes_whose_labels_are_wrong_alike_are_not_overinterpreted():
    _, y, given, _, _ = judged(n=600, skill=1.5)
    off_diagonal = channel(y, given.astype(np.float64)).given[~np.eye(CLASSES, dtype=bool)]
    assert off_diagonal.std() < 0.02 and abs(off_diagonal.mean() - 0.2 / 3) < 0.03


def test_bayes_by_hand():
    true = np.array([[0.25, 0.75]])
    given = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert wrong(np.array([0]), true, given)[0] == pytest.approx(0.75 * 0.2 / (0.75 * 0.2 + 0.25 * 0.9))


def test_matching_keeps_the_order_and_brings_the_mean():
    probabilities = np.array([0.01, 0.2, 0.5, 0.9])
    found = matched(probabilities, 0.3)
    assert found.mean() == pytest.approx(0.3, abs=1e-6)
    assert (np.diff(found) > 0).all()


def by_cosine(embeddings):
    """The similarity of each row to each other one."""
    centred = embeddings - embeddings.mean(0)
    units = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    alike = units @ units.T
    np.fill_diagonal(alike, -np.inf)
    return alike


def test_neighbours_are_the_nearest_by_cosine_and_never_the_row_itself():
    embeddings = np.random.default_rng(0).normal(size=(200, 5))
    found, alike = nearest(embeddings, np.arange(200), 7), by_cosine(embeddings)
    assert (np.sort(found, axis=1) == np.sort(np.argsort(-alike, axis=1)[:, :7], axis=1)).all()
    assert (found[:, 0] == alike.argmax(1)).all()


def test_neighbours_of_wide_embeddings_are_those_of_their_principal_components():
    generator = np.random.default_rng(0)
    told = generator.normal(size=(500, 8))
    wide = told @ generator.normal(size=(8, 300)) + 1e-3 * generator.normal(size=(500, 300))
    assert (nearest(wide, np.arange(500), 1)[:, 0] == by_cosine(wide).argmax(1)).mean() > 0.98


def test_among_many_references_the_nearest_are_those_of_a_whole_search():
    """Groups with a near one are searched alone, and what is left over beside whole groups always."""
    generator = np.random.default_rng(0)
    units = generator.normal(size=(1500, 8)).astype(np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    found = neighbours.closest(units[:60], units, 20, np.arange(60))
    alike = units[:60] @ units.T
    np.fill_diagonal(alike, -np.inf)
    assert found.shape == (60, 20) and (found == np.argsort(-alike, axis=1)[:, :20]).all()
    assert (found >= 1500 // neighbours.GROUP * neighbours.GROUP).any(), "none of the last, which fill no group"


def test_neighbours_are_looked_for_among_the_references():
    found = nearest(np.random.default_rng(0).normal(size=(50, 3)), np.array([4, 8, 15]), 5)
    assert found.shape == (50, 2) and set(found.ravel()) <= {4, 8, 15}
    assert not (found[[4, 8, 15]] == np.array([[4], [8], [15]])).any()


def test_of_many_rows_a_part_is_searched():
    assert len(references(np.ones(3_000, bool), 0)) == 3_000
    assert len(references(np.ones(20_000, bool), 0)) == 10_000
    assert len(references(np.ones(1_000_000, bool), 0)) == 4096


def test_numbers_far_from_their_neighbours_come_first_and_are_not_counted():
    generator = np.random.default_rng(0)
    x = generator.uniform(-1, 1, (800, 2))
    width = np.where(x[:, 0] > 0, 1.0, 0.05)  # the same error is usual on one side and not on the other
    targets = 3 * x[:, 1] + width * generator.normal(size=800)
    planted = np.flatnonzero(x[:, 0] < -0.1)[:20]
    targets[planted] += 1.5
    targets[799] = np.nan
    found = number_issues(targets, 3 * x[:, 1], x, np.arange(800) < 500)
    assert len(set(found.order[:20]) & set(planted)) >= 18
    assert np.isnan(found.count.value) and found.count.n == 799
    assert 799 not in found.order


@pytest.fixture
def run(tmp_path):
    """A run whose record speaks against its first thirty labels."""
    made = fake_run(tmp_path / "run")
    table, scores, losses = made.table(), made.scores(), made.dynamics()["losses"]
    trained = table.rows("train")
    labels = table.frame["label"].to_list()
    for row in range(30):
        labels[row] = next(name for name in table.classes if name != labels[row])
    probs = np.eye(len(table.classes), dtype=np.float32)[table.y()] * 0.9 + 0.1 / len(table.classes)
    replace(table, frame=table.frame.with_columns(label=polars.Series(labels))).write(made.path / "table.parquet")
    window = np.full_like(probs, np.nan)
    window[trained] = probs[trained]
    made.write_arrays("dynamics.npz", {"losses": losses, "margins": -losses, "window_probs": window.astype(np.float16),
                                       "window": np.array(3)})  # fmt: skip
    made.write_arrays("scores.npz", {**scores, "probs": probs, "embeddings": probs.astype(np.float16)})
    return made


def test_the_list_has_what_it_takes_to_correct_labels(run):
    found = unfazed.label_issues(run.path)
    assert set(found.frame["row"][:30]) == set(range(30))
    assert found.frame.columns[:7] == ["row", "id", "input", "split", "label", "suggested", "error_probability"]
    assert {"margin", "agreement", "neighbours"} <= set(found.frame.columns)
    assert (found.frame["label"] != found.frame["suggested"]).all()
    assert found.frame["error_probability"].is_sorted(descending=True)


def test_every_label_is_ranked_when_asked_for(run):
    found = unfazed.label_issues(run, every=True)
    assert len(found.frame) == found.count.n == len(run.table())
    assert found.depths[-1].found == pytest.approx(1) and found.depths[0].precision >= found.depths[-1].precision


def test_the_command_writes_a_list_worst_first(run, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["label-issues", str(run.path), "--all", "--csv", str(tmp_path / "labels.csv")])
    assert ended.value.code == 0
    assert f"of {len(run.table())} labels are wrong" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "labels.csv").open(encoding="utf-8", newline="")))
    assert list(rows[0])[:6] == ["id", "input", "split", "label", "suggested", "error_probability"]
    assert {int(row["row"]) for row in rows[:30]} == set(range(30)) and len(rows) == len(run.table())
    assert set(rows[0]["neighbours"].split("|")) <= set(run.table().frame["id"])
    for depth in unfazed.label_issues(run.path).depths:
        assert float(rows[depth.rows - 1]["estimated_precision"]) == pytest.approx(depth.precision)


def test_where_nothing_is_known_of_the_labels_nothing_is_said_of_the_precision(run, tmp_path):
    found = unfazed.label_issues(run)
    unknown = replace(found, frame=found.frame.with_columns(error_probability=polars.lit(None, polars.Float64)))
    write_csv(unknown, run.table().frame["id"].to_list(), tmp_path / "labels.csv")
    rows = list(csv.DictReader((tmp_path / "labels.csv").open(encoding="utf-8", newline="")))
    assert rows and not any(row["estimated_precision"] for row in rows)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system has no /dev/fd")
def test_a_list_on_the_standard_output_is_alone_there(run, capfd):
    with pytest.raises(SystemExit) as ended:
        main(["label-issues", str(run.path), "--csv", "/dev/fd/1"])
    told = capfd.readouterr()
    assert ended.value.code == 0 and "labels are wrong" in told.err
    assert {row["split"] for row in csv.DictReader(told.out.splitlines())} <= {"train", "validation", "test"}


def test_a_file_that_cannot_be_written_is_one_error(run, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["label-issues", str(run.path), "--csv", str(tmp_path / "nowhere" / "labels.csv")])
    assert ended.value.code == 2 and "cannot write" in capsys.readouterr().err


def test_nothing_is_changed(run):
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    unfazed.label_issues(run)
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before


def test_a_run_without_the_record_says_so(tmp_path):
    with pytest.raises(RunError, match="lacks what labels are judged by"):
        unfazed.label_issues(fake_run(tmp_path / "run"))


@pytest.mark.parametrize("name", ["probs", "out_of_sample"])
def test_files_of_another_run_are_one_error(run, name):
    scores = run.scores()
    run.write_arrays("scores.npz", {**scores, name: scores["probs"][:-1]})
    with pytest.raises(RunError, match="not of one run"):
        unfazed.label_issues(run)


def test_what_the_simple_model_says_of_the_label_is_listed(run):
    scores = run.scores()
    run.write_arrays("scores.npz", {**scores, "out_of_sample": scores["probs"].astype(np.float16)})
    found = unfazed.label_issues(run).frame
    assert (found["simple"][:30] < 0.1).all()


def test_the_report_shows_the_labels_to_check(run):
    run.write_json("measurements.json", {**run.measurements, "labels": labels_to_check(run, run.table())})
    page = write_report(run).read_text()
    told = run.report
    assert {row["row"] for row in told["labels"]["first"]} <= set(range(30))
    assert 'id="labels"' in page and 'href="#labels"' in page
    assert any("labels are wrong" in line["text"] for line in told["verdict"])
    assert "labels are wrong" in (run.path / "README.md").read_text()


def test_a_report_without_them_has_no_such_section(tmp_path):
    run = fake_run(tmp_path / "run")
    assert facts(run)["labels"] is None
    assert 'href="#labels"' not in write_report(run).read_text()


def test_too_many_classes_are_not_judged_and_it_is_said(run, monkeypatch, capsys):
    monkeypatch.setattr("unfazed.verb.label_issues.MOST_CLASSES", 5)
    with pytest.raises(UsageError, match="6 classes are too many"):
        unfazed.label_issues(run)
    with pytest.raises(SystemExit) as ended:
        main(["label-issues", str(run.path)])
    assert ended.value.code == 2 and "(at most 5)" in capsys.readouterr().err
    run.write_json("measurements.json", {**run.measurements, "labels": labels_to_check(run, run.table())})
    page = write_report(run).read_text()
    assert "labels were not checked: 6 classes are too many" in page
    said = [line["text"] for line in run.report["verdict"]]
    assert any("labels were not checked: 6 classes are too many" in text for text in said)
    assert "labels were not checked" in (run.path / "README.md").read_text()


def test_rows_that_the_table_has_not_are_damage(run):
    told = labels_to_check(run, run.table())
    told["first"][0]["row"] = 10**6
    run.write_json("measurements.json", {**run.measurements, "labels": told})
    with pytest.raises(RunError, match="measurements"):
        facts(run)
    json.dumps(told, allow_nan=False)


def corrections(run: Run, actions: dict[int, str], monkeypatch) -> None:
    """As if the run had been trained with these decisions about its rows; "relabel": the label that it has now."""
    frame, kept = run.table().frame, []
    for row, action in actions.items():
        name, label, content = (frame[column][row] or "" for column in ("id", "label", "sha256"))
        before = "a" if action == "relabel" else label
        kept.append(Correction(name, "", before, label, action, "ada", "", "", content, ""))
    monkeypatch.setattr("unfazed.verb.label_issues.applied_in", lambda path: kept)


def test_labels_that_people_have_looked_at_are_right_and_the_others_are_counted(run, monkeypatch):
    before = unfazed.label_issues(run.path, every=True)
    worst = before.frame["row"][:20].to_list()
    corrections(run, {**dict.fromkeys(worst[:10], "keep"), **dict.fromkeys(worst[10:], "relabel")}, monkeypatch)
    found = unfazed.label_issues(run.path, every=True)
    assert (found.checked, found.corrected) == (20, 0) and found.count.n == before.count.n - 20
    assert found.count.low <= found.count.value < before.count.value and found.count.value <= found.count.high
    last = found.frame[-20:]
    assert set(last["row"]) == set(worst) and (last["error_probability"] == 0).all()
    assert last["margin"].null_count() == 20 and (last["suggested"] == last["label"]).all()
    assert "labels that nobody has checked" in sentences(told(found))[0]
    assert not set(unfazed.label_issues(run.path).frame["row"]) & set(worst), "nobody is asked twice"
    corrections(run, dict.fromkeys(worst, "unsure"), monkeypatch)
    assert unfazed.label_issues(run.path, every=True).frame.equals(before.frame)


def test_a_row_that_was_taken_off_its_side_counts_as_not_trained_on(run, monkeypatch):
    table = run.table()
    table.with_split([None, *table.frame["split"][1:]]).write(run.path / "table.parquet")
    corrections(run, {300: "keep"}, monkeypatch)
    found = unfazed.label_issues(run.path, every=True)
    assert found.checked == 1 and found.count.n == len(table) - 1
    corrections(run, {}, monkeypatch)
    assert found.disagreement == pytest.approx(unfazed.label_issues(run.path).disagreement, abs=0.01)


def test_how_labels_are_given_is_known_from_what_they_were_before_people_changed_them() -> None:
    true, y, given, embeddings, split = judged()
    found, errors = label_issues(y, given, embeddings, split), y != true
    looked_at = np.zeros(len(y), dtype=bool)
    looked_at[found.order[: errors.sum() // 2]] = True
    left = checked(found, true, looked_at, split != TRAIN)
    assert left.count.low <= (errors & ~looked_at).sum() <= left.count.high
    assert left.count.n == (~looked_at).sum() and left.disagreement < found.disagreement


@pytest.mark.parametrize(("precision", "said"), [(0.12, "probably fewer than one is wrong"), (0.2, "about 1 is wrong")])
def test_less_than_one_wrong_label_to_expect_is_not_one(precision, said):
    found = {"worth": 3, "count": {"value": 0.3}, "depths": [{"rows": 3, "precision": precision, "found": 1}]}
    assert how_far(found) == f"Of the first 3 in the list {said}."


def test_how_many_are_wrong_among_the_first_is_as_uncertain_as_how_many_are_in_all():
    found = {"worth": 100, "count": {"value": 60.0, "low": 45.0, "high": 90.0},
             "depths": [{"rows": 100, "precision": 0.8, "found": 0.9}]}  # fmt: skip
    assert how_far(found) == "Of the first 100 in the list about 80 (60 to 100) are wrong."


def unsure(n=1000, seed=0):
    """Right labels, and a model that is sure of a few rows, rightly, and nearly as sure of others, often wrongly."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, CLASSES, n)
    easy = generator.random(n) < 0.12
    named = np.where(easy | (generator.random(n) < 0.3), y, generator.integers(0, CLASSES, n))
    probs = np.zeros((n, CLASSES))
    probs[np.arange(n), named] = np.where(easy, 0.97, generator.uniform(0.8, 0.95, n))
    probs += (1 - probs.sum(1, keepdims=True)) / CLASSES
    split = generator.choice([TRAIN, VALIDATION, TEST], n, p=[0.6, 0.15, 0.25])
    return y, probs.astype(np.float32), generator.normal(size=(n, 5)), split


def test_what_a_poor_model_contradicts_may_be_its_own_mistakes():
    found = label_issues(*unsure())
    assert found.count.value > 250 and found.count.low < 0.02 * found.count.n  # of 1,000 right labels
    assert found.error_probability[found.order[:50]].mean() < 0.6
    first, why, *_ = sentences({"count": found.count._asdict(), "disagreement": found.disagreement})
    assert first.startswith(("Between", "At most")) and "its own mistakes can't be told" in why


def test_labels_unrelated_to_inputs_are_not_called_wrong():
    generator = np.random.default_rng(0)
    _, probs, embeddings, split = unsure()
    y = generator.choice(CLASSES, len(split), p=[0.5, 0.3, 0.1, 0.1])
    found = label_issues(y, probs, embeddings, split)
    assert np.isnan(found.count.value) and np.isnan(found.error_probability).all()
    assert sorted(found.order) == list(range(len(y)))
    first, why, *_ = sentences({"count": {**found.count._asdict(), "value": None}, "disagreement": found.disagreement})
    assert first == "How many of 1,000 labels are wrong can't be told." and "the mistake may well be its own" in why
    looked_at = np.arange(len(y)) < 100
    left = checked(found, y, looked_at, split != TRAIN)
    assert np.isnan(left.count.value) and left.count.n == 900 and (left.error_probability[:100] == 0).all()
