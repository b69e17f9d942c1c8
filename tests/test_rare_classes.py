"""Averages over classes of which few, or none, are in the sample."""

import numpy as np
import pytest

from unfazed.analysis.intervals import Counts, Estimate, mean_of, wilson
from unfazed.analysis.metrics import averages, classification, confusion
from unfazed.analysis.multilabel import multilabel

MACRO = ("balanced_accuracy", "f1_macro", "precision_macro", "recall_macro")


def drawn(n, generator, positive=0.01, apart=2.5):
    """Labels [n] of which few are positive, and what a perfect model says of them."""
    y = (generator.random(n) < positive).astype(np.int64)
    odds = apart * (apart * y + generator.standard_normal(n)) - apart**2 / 2 + np.log(positive / (1 - positive))
    probs = 1 / (1 + np.exp(-odds))
    return y, np.stack([1 - probs, probs], axis=1)


def test_macro_averages_of_a_rare_class_cover():
    generator = np.random.default_rng(0)
    y, probs = drawn(300_000, generator)
    counted = confusion(y, probs.argmax(1), 2)
    truth = averages(Counts(np.diag(counted), counted.sum(1), counted.sum(0)))
    held = dict.fromkeys(MACRO, 0)
    for trial in range(100):
        found = classification(*drawn(200, generator), seed=trial)
        for name in MACRO:
            held[name] += found[name].low <= truth[name] <= found[name].high
    assert min(held.values()) >= 93, held


def test_f1_over_rare_labels_covers():
    generator = np.random.default_rng(1)

    def sets(n):
        columns = [drawn(n, generator, share) for share in (0.02, 0.04)]
        probs = np.stack([one[:, 1] for _, one in columns], axis=1)
        return np.stack([y for y, _ in columns], axis=1).astype(np.float32), probs, probs > 0.3

    y, _, predicted = sets(100_000)
    truth = averages(Counts(((y > 0) & predicted).sum(0), y.sum(0), predicted.sum(0)))["f1_macro"]
    found = [multilabel(*sets(200), seed=trial)["f1_macro"] for trial in range(40)]
    assert sum(one.low <= truth <= one.high for one in found) >= 37


def test_balanced_classes_are_as_well_known_as_before():
    y = np.arange(600) % 3
    predicted = np.where(np.random.default_rng(2).random(600) < 0.8, y, (y + 1) % 3)
    found = classification(y, np.eye(3)[predicted] * 0.8 + 0.1)
    alone = wilson(int((predicted == y).sum()), 600)
    assert found["recall_macro"].high - found["recall_macro"].low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_classes_that_the_sample_lacks_may_be_known_or_not():
    y, probs = np.arange(200) % 2, np.eye(3)[np.arange(200) % 2] * 0.7 + 0.1
    found, both = classification(y, probs), classification(y, probs[:, :2] / probs[:, :2].sum(1, keepdims=True))
    low, high = both["balanced_accuracy"][1:3]
    assert found["balanced_accuracy"] == pytest.approx((1.0, low * 2 / 3, (high * 2 + 1) / 3, 200))


def test_the_ends_of_a_mean_are_put_together_from_those_of_its_parts():
    parts = [Estimate(0.5, 0.2, 0.6, 9), Estimate(0.7, 0.3, 0.7, 9)]
    assert mean_of(Estimate(0.6, 0.55, 0.62, 18), parts) == pytest.approx((0.6, 0.35, 0.65, 18))
    assert mean_of(Estimate(0.6, 0.1, 0.9, 18), parts)[1:3] == (0.1, 0.9), "never narrower"
    assert mean_of(parts[0], []) == parts[0]
