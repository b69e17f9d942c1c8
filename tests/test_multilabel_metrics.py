"""Sets of labels: metrics against scikit-learn's, thresholds, intervals, baselines."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from unfazed.analysis.baselines import logistic_fit, pixel_features
from unfazed.analysis.multilabel import (
    best_thresholds,
    chosen,
    commonest_set,
    f1_difference,
    f1_differences,
    f1_parts,
    multilabel,
    per_label,
    share_probs,
)
from unfazed.analysis.one_vs_rest import feature_sets, one_vs_rest
from unfazed.analysis.surprise import binary_entropy, set_surprise
from unfazed.analysis.tabular import boosting_sets
from unfazed.analysis.tabular import linear_sets as linear_rows_sets
from unfazed.analysis.tfidf import tfidf_sets
from unfazed.batch import Batch
from unfazed.criterion import binary_cross_entropy, criterion_of, probabilities, surprise


def some(rows: int = 200, labels: int = 5, seed: int = 0, noise: float = 1.2) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    y = (generator.random((rows, labels)) < np.linspace(0.1, 0.6, labels)).astype(np.float32)
    probs = 1 / (1 + np.exp(-(2 * y - 1 + noise * generator.standard_normal(y.shape))))
    return y, probs.astype(np.float32)


def test_metrics_are_scikit_learns() -> None:
    y, probs = some()
    predicted = probs >= 0.5
    found = multilabel(y, probs, predicted)
    for name in ("micro", "macro"):
        assert found[f"f1_{name}"].value == pytest.approx(sklearn_metrics.f1_score(y, predicted, average=name))
    assert found["precision_micro"].value == pytest.approx(
        sklearn_metrics.precision_score(y, predicted, average="micro")
    )
    assert found["recall_micro"].value == pytest.approx(sklearn_metrics.recall_score(y, predicted, average="micro"))
    assert found["subset_accuracy"].value == pytest.approx(sklearn_metrics.accuracy_score(y, predicted))
    assert found["hamming_loss"].value == pytest.approx(sklearn_metrics.hamming_loss(y, predicted))
    each = [sklearn_metrics.log_loss(y[:, k], probs[:, k].astype(float)) for k in range(5)]
    assert found["log_loss"].value == pytest.approx(sum(each), rel=1e-5), "the loss of a set is that of all its labels"
    assert all(one.low <= one.value <= one.high and one.n == 200 for one in found.values())


def test_scores_of_a_label_are_scikit_learns() -> None:
    y, probs = some()
    scores = per_label(y, probs, probs >= 0.5)
    for k, score in enumerate(scores):
        assert score.f1.value == pytest.approx(sklearn_metrics.f1_score(y[:, k], probs[:, k] >= 0.5))
        area = sklearn_metrics.average_precision_score(y[:, k], probs[:, k])
        assert score.average_precision.value == pytest.approx(area)
        assert score.average_precision.n == score.recall.n == y[:, k].sum()
        assert score.average_precision.low < area < score.average_precision.high


def test_rows_without_a_set_are_left_out() -> None:
    y, probs = some()
    y[::2] = np.nan
    found, expected = multilabel(y, probs, probs > 0.5), multilabel(y[1::2], probs[1::2], probs[1::2] > 0.5)
    assert found == expected and found["f1_micro"].n == 100


def test_nothing_measured_is_not_a_number() -> None:
    empty = np.zeros((0, 3), np.float32)
    found = multilabel(empty, empty, empty > 0)
    assert all(np.isnan(one.value) and one.n == 0 for one in found.values())
    assert best_thresholds(empty, empty).tolist() == [0.5] * 3


@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(20), 2)])
def test_where_no_example_has_a_label_it_is_open_how_well_any_would_be_found(groups: np.ndarray | None) -> None:
    y, probs = np.zeros((40, 3)), np.full((40, 3), 0.6)
    found = multilabel(y, probs, probs > 0.5, groups=groups)
    for name in ("f1_micro", "f1_macro", "precision_micro"):
        assert found[name][:3] == (0, 0, 1), name
    assert np.isnan(found["recall_micro"].value)
    assert np.isnan(multilabel(y, probs, probs > 0.7, groups=groups)["f1_micro"][:3]).all()


def test_a_flawless_result_is_not_certain() -> None:
    y, _ = some(40)
    found = multilabel(y, y, y > 0)
    assert found["f1_micro"].value == found["f1_macro"].value == 1
    assert 0.8 < found["f1_micro"].low < 0.99 and 0 == found["hamming_loss"].value < found["hamming_loss"].high


@pytest.mark.parametrize("noise", [0.45, 1.2], ids=["F1 0.98", "F1 0.79"])
def test_intervals_hold_the_truth_about_as_often_as_they_say(noise: float) -> None:
    y, probs = some(20_000, noise=noise)
    truth = sklearn_metrics.f1_score(y, probs >= 0.5, average="micro")
    parts = np.split(np.arange(20_000), 200)
    found = [multilabel(y[rows], probs[rows], probs[rows] >= 0.5)["f1_micro"] for rows in parts]
    held = np.mean([one.low <= truth <= one.high for one in found])
    assert held >= 0.9, f"{held:.3f} of 200 intervals of 100 examples each"


def test_a_threshold_is_where_f1_is_highest_if_many_have_the_label() -> None:
    generator = np.random.default_rng(0)
    y = (generator.random(20_000) < 0.1).astype(np.float32)
    probs = np.where(y == 1, generator.beta(2, 6, 20_000), generator.beta(1, 12, 20_000))
    threshold = best_thresholds(y[:, None], probs[:, None])[0]
    scores = {cut: sklearn_metrics.f1_score(y, probs >= cut) for cut in np.arange(0.02, 0.9, 0.02)}
    assert sklearn_metrics.f1_score(y, probs >= threshold) > max(scores.values()) - 0.003
    assert threshold < 0.4


def test_a_threshold_stays_near_one_half_where_few_have_any_label() -> None:
    y = np.zeros((50, 2), np.float32)
    probs = np.full((50, 2), 0.01)
    y[0, 0], probs[0, 0] = 1, 0.1
    found = best_thresholds(y, probs)
    assert 0.4 < found[0] < found[1] < 0.5, "one example asks for 0.055, ten for 0.5"


def test_a_rare_label_gets_nearly_the_threshold_of_all_labels() -> None:
    generator = np.random.default_rng(0)
    y = np.zeros((4000, 3), np.float32)
    y[:800, 0], y[:2, 1] = 1, 1
    probs = np.where(y == 1, generator.beta(3, 6, y.shape), generator.beta(1, 12, y.shape))
    common, rare, never = best_thresholds(y, probs)
    assert 0.1 < common < 0.4 and abs(never - common) < 0.1 and abs(rare - never) < 0.1


def test_of_thresholds_as_good_the_one_nearest_to_one_half_is_taken() -> None:
    y = np.array([[1.0]] * 1000 + [[0.0]] * 1000)
    probs = np.array([[0.9]] * 1000 + [[0.1]] * 1000)
    assert best_thresholds(y, probs)[0] == pytest.approx(0.5, abs=1e-3)
    assert chosen(np.array([[0.5], [np.nan]]), np.array([0.5])).tolist() == [[True], [False]]


def test_a_difference_is_paired() -> None:
    y, probs = some(400)
    better, same = probs >= 0.5, f1_difference(y, probs >= 0.5, probs >= 0.5)
    worse = better.copy()
    worse[::4] = False
    gain = f1_difference(y, better, worse)
    assert gain.low > 0 and (same.low, same.value, same.high) == (0, 0, 0)


def test_the_commonest_set_is_a_whole_one() -> None:
    y = np.array([[1, 1, 0]] * 3 + [[1, 0, 0]] * 2 + [[0, 1, 0]] * 2, np.float32)
    assert commonest_set(y).tolist() == [True, True, False]
    assert share_probs(y, 2).tolist() == [[6 / 9, 6 / 9, 1 / 9]] * 2


def test_the_surprise_of_a_set_is_the_sum_over_its_labels() -> None:
    y, probs = np.array([[1.0, 0.0], [np.nan, np.nan]]), np.array([[0.5, 0.75], [0.5, 0.5]])
    assert set_surprise(y, probs)[0] == pytest.approx(3.0) and np.isnan(set_surprise(y, probs)[1])
    assert binary_entropy(np.array([0.5, 0.0, 1.0])).tolist() == [1, 0, 0]


class Answers(torch.nn.Module):
    """Says the logits it was given."""

    def __init__(self, output: torch.Tensor):
        super().__init__()
        self.output = output

    def forward(self, x: torch.Tensor, length: torch.Tensor | None = None) -> torch.Tensor:
        return self.output


def batch(y: torch.Tensor) -> Batch:
    index = torch.arange(len(y))
    return Batch(index, index, index, y, torch.ones(len(y)))


def test_the_loss_of_an_example_is_that_of_its_whole_set() -> None:
    y, output = torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([[0.3, -1.0, 2.0]])
    scored = criterion_of("binary-cross-entropy")(Answers(output), batch(y))
    probs = torch.sigmoid(output)[0]
    expected = -(probs[0].log() + (1 - probs[1]).log() + probs[2].log())
    assert scored.loss.shape == (1,) and scored.loss[0] == pytest.approx(float(expected))
    surprised = surprise(scored.output, y)
    assert surprised.loss[0] == pytest.approx(float(expected))
    assert surprised.margin[0] == pytest.approx(0.3), "that of the worst label"
    assert torch.allclose(surprised.probs, torch.sigmoid(output))


def test_members_learn_each_for_itself_and_say_their_mean() -> None:
    y, output = torch.tensor([[1.0, 0.0]]), torch.tensor([[[4.0, -2.0], [-4.0, 1.0]]])
    scored = binary_cross_entropy()(Answers(output), batch(y))
    each = [binary_cross_entropy()(Answers(output[:, m]), batch(y)).loss[0] for m in range(2)]
    assert scored.loss[0] == pytest.approx(float(sum(each)) / 2)
    mean = torch.sigmoid(output).mean(1)
    assert torch.allclose(torch.sigmoid(scored.output), mean)
    assert torch.allclose(probabilities(output, multilabel=True), mean)


def test_smoothing_changes_what_is_minimised_and_not_what_is_recorded() -> None:
    y, output = torch.tensor([[1.0]]), torch.tensor([[5.0]])
    smoothed = binary_cross_entropy(0.2)(Answers(output), batch(y))
    expected = -(0.9 * torch.sigmoid(output).log() + 0.1 * torch.sigmoid(-output).log())
    assert smoothed.loss[0] == pytest.approx(float(expected))
    assert surprise(smoothed.output, y).loss[0] == pytest.approx(float(torch.nn.functional.softplus(-output)))


def test_one_model_a_label_learns_each_by_itself() -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((400, 4)).astype(np.float32)
    y = np.stack([x[:, 0] > 0, x[:, 1] > 1, np.zeros(400), np.ones(400)], axis=1).astype(np.float32)
    for model in (feature_sets(x[:300], y[:300]), one_vs_rest(x[:300], y[:300], logistic_fit, (1.0, 10.0))):
        probs = model(x[300:])
        assert probs.shape == (100, 4) and ((probs > 0) & (probs < 1)).all()
        assert ((probs >= 0.5) == y[300:]).mean(0).min() > 0.93
        assert probs[:, 2].max() < 0.01 and probs[:, 3].min() > 0.99, "labels that none or all of them have"


def test_every_kind_of_data_has_its_linear_model_of_sets() -> None:
    generator = np.random.default_rng(0)
    y = (generator.random((240, 2)) < 0.5).astype(np.float32)
    texts = [f"word{int(a)} thing{int(b)} {row}" for row, (a, b) in enumerate(y)]
    images = np.zeros((240, 3, 8, 8), np.uint8)
    images[:, :, :, :4] = (200 * y[:, 0])[:, None, None, None]
    images[:, :, :, 4:] = (200 * y[:, 1])[:, None, None, None]
    rows = np.concatenate([y, generator.standard_normal((240, 1))], axis=1).astype(np.float32)
    found = [
        tfidf_sets(texts[:160], y[:160])(texts[160:]),
        feature_sets(pixel_features(images[:160]), y[:160])(pixel_features(images[160:])),
        linear_rows_sets(rows[:160], y[:160], [0, 0, 0], 0)(rows[160:]),
        boosting_sets(rows[:160], y[:160], [0, 0, 0], 0)(rows[160:]),
    ]
    for probs in found:
        assert ((probs >= 0.5) == y[160:]).mean() > 0.97
    assert np.allclose(tfidf_sets(["", " "], y[:2])(["a"]), share_probs(y[:2], 1))


def test_the_parts_of_f1_deviate_as_its_resamples_do() -> None:
    y, probs = some(400)
    own, nothing = probs >= 0.5, np.zeros(y.shape, bool)
    parts, (_, resampled) = f1_parts(y, own), f1_differences(y, own, nothing)
    assert parts.mean() == pytest.approx(0, abs=1e-12)
    assert parts.std() / np.sqrt(len(y)) == pytest.approx(resampled.std(), rel=0.1)
    assert not f1_parts(y, nothing).any()
