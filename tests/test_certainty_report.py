import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fake_run import fake_run, without_split

from unfazed.analysis.calibration import scaled
from unfazed.analysis.intervals import Estimate
from unfazed.report.certainty import LEVELS
from unfazed.report.certainty_page import certainty
from unfazed.report.facts import facts
from unfazed.report.page import write_report
from unfazed.run import Run
from unfazed.verb.measure import calibrate


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose network is three times too sure, with its temperature fitted.

    Of z ~ N(1.5 in the place of the label, 1) the right probabilities are softmax(1.5 z).
    """
    made = fake_run(tmp_path_factory.mktemp("certainty") / "run", rows=2000)
    scores, table = made.scores(), made.table()
    logits = 1.5 * (np.random.default_rng(0).normal(size=scores["probs"].shape) + 1.5 * np.eye(6)[table.y()])
    right = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    made.write_arrays("scores.npz", {**scores, "probs": scaled(right, 1 / 3)})
    rows = table.rows("validation")
    calibrate(made, table, rows, made.scores()["probs"][rows])
    return made


def test_calibration_is_shown_before_and_after_and_all_metrics_are_of_the_calibrated(run):
    told = facts(run)
    found = told["certainty"]
    assert found["temperature"]["low"] < 3 < found["temperature"]["high"]
    assert found["temperature"]["n"] == len(run.table().rows("validation"))
    assert found["after"]["calibration_error"]["high"] < found["before"]["calibration_error"]["low"]
    assert found["log_loss_difference"]["high"] < 0
    for name in ("log_loss", "brier_score_loss", "calibration_error"):
        assert told["test"][name] == found["after"][name]
        assert found["after"][name]["n"] == len(run.table().rows("test"))
    assert sum(one["right"]["n"] for one in found["after"]["bins"]) == told["counts"]["test"]


def test_sets_are_measured_on_the_test_rows_with_n_and_interval(run):
    sets = facts(run)["certainty"]["sets"]
    assert [one["level"] for one in sets] == list(LEVELS)
    for one in sets:
        assert one["coverage"]["n"] == len(run.table().rows("test"))
        assert one["coverage"]["value"] == pytest.approx(one["level"], abs=0.08)  # of one split of some 300 and 500
        assert 1 <= one["size"]["low"] <= one["size"]["value"] <= one["size"]["high"]
    assert sets[0]["size"]["value"] <= sets[-1]["size"]["value"]


def test_the_curve_ends_with_every_answer_and_the_share_of_errors(run):
    told = facts(run)
    last = told["certainty"]["curve"][-1]
    assert last["answered"] == 1
    assert last["errors"]["value"] == pytest.approx(1 - told["test"]["accuracy"]["value"])


def test_the_page_shows_it_and_the_card_says_it(run):
    page = write_report(run).read_text()
    assert "How sure it may be" in page and "before calibration" in page and page.count('class="bins') == 2
    assert "Sets of classes" in page and "Errors, by share answered" in page
    assert "the network was too sure" in page
    assert "calibrated by one temperature" in (run.path / "README.md").read_text()
    caution = next(line for line in facts(run)["verdict"] if "word" in line["text"])
    assert "before calibration" in caution["text"] and "n = " in caution["text"]


def test_a_temperature_fitted_to_one_group_is_hardly_known(run, tmp_path):
    made = Run(shutil.copytree(run.path, tmp_path / "run"))
    table, known = made.table(), run.temperature
    alone = replace(table, frame=table.frame.with_columns(group=pl.lit("one patient")))
    rows = table.rows("validation")
    assert calibrate(made, alone, rows, made.scores()["probs"][rows]) == known.value
    assert made.temperature.high - made.temperature.low > 3 * (known.high - known.low)


def test_bins_are_not_called_groups(run):
    told = {**facts(run), "groups": {"train": 9, "validation": 5, "test": 5}}
    n = told["counts"]["test"]
    assert f"{n} test images in 5 groups, in 10 bins of about as many" in str(certainty(told))


def test_without_a_calibration_the_report_says_so(tmp_path):
    run = fake_run(tmp_path / "run")
    found = facts(run)["certainty"]
    assert found["temperature"] is None and found["before"] is None
    assert "were not calibrated" in write_report(run).read_text()
    assert "were not calibrated afterwards" in (run.path / "README.md").read_text()


def test_without_a_test_set_no_sets_are_measured_on_the_rows_that_made_them(tmp_path):
    run = fake_run(tmp_path / "run")
    run.write_table(without_split(run.table(), "test"))
    run.write_temperature(Estimate(1.1, 0.9, 1.3, 90))
    assert facts(run)["certainty"]["sets"] == []
    assert "fitted to: too kind" in write_report(run).read_text()


def test_no_labelled_row_at_all_is_no_error(tmp_path):
    run = fake_run(tmp_path / "run")
    table = run.table()
    labels = table.frame["label"].to_list()
    for row in np.concatenate([table.rows("test"), table.rows("validation")]):
        labels[row] = None
    run.write_table(replace(table, frame=table.frame.with_columns(pl.Series("label", labels))))
    assert facts(run)["certainty"]["after"]["bins"] == []
    assert 'id="certainty"' not in write_report(run).read_text()
