"""Numbers with their deviations, `loss = "gaussian"`: the likelihood, the head, and a run from end to end."""

import io
import json
import math
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import polars as pl
import pytest
import torch
from scipy.stats import norm
from test_regression import Answers, batch
from test_regression import source as pictures

import unfazed
from unfazed.analysis.errors import density, errors
from unfazed.criterion import criterion_of, gaussian, mixture, surprise
from unfazed.errors import RecipeError, RunError, UnfazedError
from unfazed.model.build import build, family_of
from unfazed.model.convnet import ConvNet
from unfazed.model.gaussian import GaussianHead, with_deviation
from unfazed.model.sounds import SoundNet
from unfazed.model.tables import Size, TableNet
from unfazed.model.texts import TextNet
from unfazed.outputs import one_batch, outputs
from unfazed.report.certainty_page import intervals
from unfazed.report.facts import facts
from unfazed.report.predictions import Told, written
from unfazed.report.terminal import evaluation, summary
from unfazed.report.words import bounds, number
from unfazed.run import Run
from unfazed.verb.evaluate import evaluate
from unfazed.verb.predict import predicted

ROWS = 1200


@cache
def source() -> Path:
    """A number whose noise grows with x, from 5 to 45: what a squared error cannot say."""
    generator = np.random.default_rng(0)
    x = generator.uniform(0, 1, ROWS)
    y = 1000 + 100 * x + noise(x) * generator.standard_normal(ROWS)
    file = Path(mkdtemp(prefix="unfazed-test-")) / "rows.csv"
    pl.DataFrame({"x": x.round(5), "z": generator.uniform(0, 1, ROWS).round(5), "y": y.round(3)}).write_csv(file)
    return file


def noise(x: np.ndarray) -> np.ndarray:
    return 5 + 40 * x


@cache
def run() -> Run:
    return unfazed.train(source(), target="y", out=source().parent / "run", loss="gaussian", epochs=12, progress=False)


def test_the_loss_is_the_likelihood_whatever_weighs_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    mean, deviation, y = [0.3, -2.0], [0.5, 3.0], [1.0, 1.0]
    output = torch.tensor([[m, 2 * math.log(d)] for m, d in zip(mean, deviation, strict=True)])
    expected = -norm(mean, deviation).logpdf(y)
    for beta in (0.0, 0.5, 1.0):
        monkeypatch.setattr("unfazed.criterion.BETA", beta)
        assert gaussian()(Answers(output), batch(y)).loss.tolist() == pytest.approx(expected)
    assert surprise(mixture(output), torch.tensor(y)).loss.tolist() == pytest.approx(expected)
    assert errors(np.array(y), mixture(output).numpy(), "gaussian")["loss"] == pytest.approx(expected.mean())


def test_with_beta_of_one_the_mean_learns_as_from_a_squared_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfazed.criterion.BETA", 1.0)
    output = torch.tensor([[0.3, 2.0], [-2.0, -3.0]], requires_grad=True)
    gaussian()(Answers(output), batch([1.0, 1.0])).loss.sum().backward()
    assert output.grad is not None
    assert output.grad[:, 0].tolist() == pytest.approx([-0.7, -3.0]), "whatever the variance"


def test_members_learn_for_themselves_and_differ_from_one_another_in_the_deviation() -> None:
    output = torch.tensor([[[1.0, 0.0], [3.0, 2 * math.log(2.0)]]])
    scored = criterion_of("gaussian")(Answers(output), batch([2.0]))
    alone = [-norm(1.0, 1.0).logpdf(2.0), -norm(3.0, 2.0).logpdf(2.0)]
    assert scored.loss.tolist() == pytest.approx([np.mean(alone)])
    draws = np.random.default_rng(0).normal([1.0, 3.0], [1.0, 2.0], (200_000, 2)).ravel()
    assert scored.output[0].tolist() == pytest.approx([draws.mean(), draws.std()], abs=0.02)


def test_no_output_makes_a_deviation_of_nothing_nor_stops_learning() -> None:
    raw = torch.tensor([[0.0, -20.0], [0.0, 20.0], [0.0, -1e6], [0.0, 1e6]], requires_grad=True)
    said = GaussianHead(torch.nn.Identity())(raw)
    deviations = mixture(said)[:, 1]
    assert deviations.isfinite().all() and 0.0009 < deviations.min() < deviations.max() < 11
    said[:, 1].sum().backward()
    assert raw.grad is not None and (raw.grad[:2, 1] > 0).all()


MODELS = {
    "image": (lambda: ConvNet(2, 16, 8, 0.0, "average"), torch.zeros(3, 3, 16, 16, dtype=torch.uint8)),
    "audio": (lambda: SoundNet(2, 8000, 0.1, 8, 0.0, 0.0), torch.ones(3, 800, dtype=torch.int16)),
    "text": (lambda: TextNet(2, 50, 64, 2, 1, 0.0), torch.ones(3, 9, dtype=torch.int32)),
    "tabular": (lambda: TableNet(2, [0, 3], Size(members=3, width=8, depth=2, bins=4, embedding=2), 0.0),
                torch.ones(3, 2)),
}  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_of_model_says_a_number_and_a_deviation_and_survives_its_files(kind: str) -> None:
    make, x = MODELS[kind]
    model = make()
    described = {"family": family_of(model), "arguments": model.arguments, "distribution": "gaussian"}
    model = with_deviation(model)
    examples = [one_batch(x.numpy(), np.full(3, x.shape[-1]))]
    said = outputs(model, examples).probs
    assert said.shape == (3, 2) and (said[:, 1] > 0).all()
    assert np.array_equal(outputs(build(described, model.state_dict()), examples).probs, said)


@pytest.mark.parametrize(
    "wrong, said", [({"distribution": "cauchy"}, "cauchy"), ({"arguments": {"classes": 3}}, "two outputs")]
)
def test_a_distribution_that_is_not_known_is_refused(wrong: dict[str, object], said: str) -> None:
    model = TextNet(2, 50, 64, 2, 0, 0.0)
    described = {"family": "texts-1", "arguments": dict(model.arguments), "distribution": "gaussian"}
    changed = {**described, **wrong, "arguments": {**model.arguments, **wrong.get("arguments", {})}}  # type: ignore[dict-item]
    with pytest.raises(UnfazedError, match=said):
        build(changed, with_deviation(model).state_dict())


@pytest.mark.parametrize("n", [2, 3])
def test_the_smallest_loss_of_few_is_no_bound_of_their_mean(n: int) -> None:
    truth = 0.5 * math.log(2 * math.pi * math.e)
    found = [
        density(np.random.default_rng(seed).normal(size=n), np.zeros(n), np.ones(n), (0.0, 1.0))["nll"]
        for seed in range(200)
    ]
    assert not any(one.low > truth for one in found)


def test_a_calibrated_density_covers_what_it_says_and_its_interval_holds_the_truth() -> None:
    held, truth = 0, np.mean(0.5 * np.log(2 * np.pi * np.e) + np.log([0.1, 0.4]))
    for seed in range(100):
        generator = np.random.default_rng(seed)
        mean, deviation = generator.normal(50, 10, 400), np.tile([1.0, 4.0], 200)
        found = density(generator.normal(mean, deviation), mean, deviation, (50.0, 10.0))
        held += found["nll"].low <= truth <= found["nll"].high
        if seed == 0:
            assert found["coverage_50"].low < 0.5 < found["coverage_50"].high
            assert found["coverage_90"].low < 0.9 < found["coverage_90"].high
            assert found["nll_difference"].low > 0.5
    assert 88 <= held <= 100


def test_being_too_sure_shows_and_a_blind_gaussian_saves_nothing() -> None:
    y = np.append(np.random.default_rng(0).normal(50, 10, 500), np.nan)
    blind = density(y, np.full(501, 50.0), np.full(501, 10.0), (50.0, 10.0))
    assert blind["nll_difference"].value == pytest.approx(0, abs=1e-12) and blind["nll"].n == 500
    assert blind["nll"].value == pytest.approx(0.5 * math.log(2 * math.pi * math.e), abs=0.1)
    sure = density(y, np.full(501, 50.0), np.full(501, 5.0), (50.0, 10.0))
    assert sure["coverage_90"].high < 0.9 and sure["nll_difference"].high < 0


def test_the_deviation_follows_the_noise() -> None:
    table, probs = run().table(), run().scores()["probs"]
    x = np.array([float(json.loads(row)["x"]) for row in table.frame["input"]])
    test = table.rows("test")
    assert probs.shape == (ROWS, 2)
    assert np.corrcoef(probs[test, 1], noise(x[test]))[0, 1] > 0.9
    assert np.median(probs[test, 1] / noise(x[test])) == pytest.approx(1, abs=0.25), "in the units of the target"


def test_the_report_tells_bits_coverage_and_deviations() -> None:
    report = run().report
    assert report["recipe"]["loss"] == "gaussian" and report["target"]["name"] == "y"
    assert report["test"]["coverage_90"]["low"] < 0.9 < report["test"]["coverage_90"]["high"]
    assert report["test"]["nll"]["value"] < report["baselines"]["mean"]["test"]["nll"]["value"]
    assert report["test"]["nll_difference"]["low"] > 0
    worst = report["surprising"]["validation"]
    assert [row["bits"] for row in worst] == sorted((row["bits"] for row in worst), reverse=True)
    first, unit = worst[0], report["target"]["deviation"]
    assert first["bits"] == pytest.approx(
        -norm(first["predicted"], first["deviation"]).logpdf(first["target"]) / math.log(2) - math.log2(unit), rel=1e-3
    )
    assert report["epochs"][-1]["validation"]["nll"] == report["epochs"][-1]["validation"]["loss"]
    page, card = ((run().path / name).read_text() for name in ("report.html", "README.md"))
    assert "90 % intervals" in page.replace("\u00a0", " ") and "Surprise of one target, bits" in page and " ± " in page
    assert "| Surprise of a target, bits |" in card and "twice the density" in card
    assert "logarithmic" not in page, "the zero of a density's surprise is no zero"
    assert "bits" in shown(summary(run()))


def test_numbers_of_groups_are_judged_by_their_groups(tmp_path: Path) -> None:
    """Of each farm all the numbers are off alike."""
    made = Run(shutil.copytree(run().path, tmp_path / "run"))
    table, scores = made.table(), made.scores()
    farm = np.arange(ROWS) // 40 % 8
    probs = scores["probs"].copy()
    probs[:, 0] += np.random.default_rng(0).normal(0, 60, 8)[farm]
    made.write_arrays("scores.npz", {**scores, "probs": probs})
    alone = facts(Run(made.path))
    named = pl.Series([f"farm {number}" for number in farm])
    made.write_table(replace(table, frame=table.frame.with_columns(group=named)))
    found, n = facts(Run(made.path)), alone["test"]["mae"]["n"]
    for name in ("mae", "rmse", "r2", "nll", "coverage_90"):
        one, other = found["test"][name], alone["test"][name]
        assert one["value"] == pytest.approx(other["value"]) and one["high"] - one["low"] > other["high"] - other["low"]
    assert f"over {n} test rows in 8 groups" in found["headline"]
    assert f"n = {n} in 8 groups" in " ".join(line["text"] for line in found["verdict"])
    wide, own = (told["certainty"]["intervals"][0]["median_width"] for told in (found, alone))
    assert wide["low"] <= wide["value"] <= wide["high"] and wide["value"] == own["value"] and own["n"] == n
    page = str(intervals(found)).replace("\u00a0", " ")
    assert "come in 8 groups: of new groups" in page and f">{bounds(wide, number)}<" in page


def shown(part: object) -> str:
    from rich.console import Console

    console = Console(width=150, record=True, file=io.StringIO())
    console.print(part)
    return console.export_text()


def test_prediction_and_evaluation_say_what_was_measured() -> None:
    table = run().table()
    rows = table.rows("test")
    found = unfazed.Predictor.open(run()).predict([table.frame["input"][int(row)] for row in rows])
    assert np.allclose(np.stack([found.numbers, found.deviations], 1), run().scores()["probs"][rows], rtol=1e-4)
    facts = evaluate(run(), source(), target="y")
    assert facts["metrics"]["nll"]["value"] == pytest.approx(run().report["test"]["nll"]["value"], abs=1e-4)
    said = shown(evaluation(facts))
    assert "90 % coverage" in said and "twice the" in said


def test_predictions_are_written_with_their_deviation_and_every_digit() -> None:
    lines = list(written(Told(predicted(run(), [str(source())])), "csv", probs=False))
    assert lines[0] == "input,prediction,deviation,problem"
    number, deviation = unfazed.Predictor.open(run()).predict(pl.read_csv(source()).head(1)).probs[0]
    assert str(lines[1]).split(",")[1:] == [str(number), str(np.float32(deviation)), ""]
    told = json.loads(str(next(written(Told(predicted(run(), [str(source())])), "jsonl", probs=False))))
    assert told["prediction"] == number and set(told) == {"input", "prediction", "deviation", "problem"}


def test_a_run_that_was_stopped_goes_on_to_the_same_deviations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unfazed.verb import train as verb

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(verb, "write_report", interrupted)
        with pytest.raises(KeyboardInterrupt):
            unfazed.train(source(), target="y", out=tmp_path / "run", loss="gaussian", epochs=12, progress=False)
    again = unfazed.resume(tmp_path / "run", progress=False)
    assert np.array_equal(again.scores()["probs"], run().scores()["probs"])


def test_pictures_and_texts_learn_it_too(tmp_path: Path) -> None:
    settings = {"loss": "gaussian", "epochs": 2, "progress": False, "precision": "float32"}
    seen = unfazed.train(pictures(), target="level", out=tmp_path / "images", **settings)
    words = pl.DataFrame({"text": [f"{'good ' * (n % 7)}bad thing {n % 3}" for n in range(60)],
                          "stars": [n % 7 + n / 100 for n in range(60)]})  # fmt: skip
    read = unfazed.train(words, target="stars", out=tmp_path / "texts", task="regression", modality="text", **settings)
    for one in (seen, read):
        assert one.scores()["probs"].shape[1] == 2 and one.report["test"]["coverage_50"]["n"] > 0


def test_a_gaussian_of_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="loss = 'gaussian' is not for classification"):
        unfazed.train("sample:wine", out=tmp_path / "run", progress=False, loss="gaussian")


def test_deviations_that_cannot_be_are_refused(tmp_path: Path) -> None:
    import shutil

    from unfazed.report.page import write_report

    copy = Run(shutil.copytree(run().path, tmp_path / "run"))
    copy.write_arrays("scores.npz", {"probs": np.zeros((ROWS, 2), np.float32)})
    with pytest.raises(RunError, match="deviations are not all above 0"):
        write_report(copy)


def test_the_estimator_returns_deviations_as_scikit_learn_does() -> None:
    x, y = np.random.default_rng(0).uniform(0, 1, (80, 2)), np.arange(80.0)
    numbers, deviations = unfazed.Regressor(loss="gaussian", epochs=2).fit(x, y).predict(x, return_std=True)
    assert numbers.shape == deviations.shape == (80,) and (deviations > 0).all()
    with pytest.raises(ValueError, match='return_std wants Regressor\\(loss="gaussian"\\)'):
        unfazed.Regressor(epochs=2).fit(x, y).predict(x, return_std=True)
