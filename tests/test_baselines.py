"""Baselines: what they know, how long they take, and labels they never saw."""

import warnings

import numpy as np
import pytest
from pace import in_sorts

from unfazed.analysis import baselines
from unfazed.analysis.baselines import (
    ROWS,
    drawn,
    feature_model,
    logistic_fit,
    majority_probs,
    pixel_features,
    weighed_alike,
)
from unfazed.analysis.pixels import pooled


def striped(n, side=12, seed=0):
    """Images of two classes, brighter above or below, in noise."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, n)
    x = generator.integers(0, 120, (n, 3, side, side))
    x[y == 1, :, : side // 2] += 25
    return x.astype(np.uint8), y


def linear_model(x, y, classes, seed):
    """One layer on the pixels of labelled images, as for images: from images to probabilities."""
    rows = drawn(y >= 0, ROWS, seed)
    model = feature_model(pixel_features(x[rows]), y[rows], classes)
    return lambda asked: model(pixel_features(asked))


def test_pooling_keeps_means_and_handles_sizes_that_do_not_divide():
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 21, 33), dtype=np.uint8)
    found = pooled(x, 16)
    assert found.shape == (5, 3, 16, 16)
    assert found.mean((2, 3)) == pytest.approx(x.mean((2, 3)), abs=1e-3)
    assert pooled(x[:, :, :8, :8], 16) == pytest.approx(x[:, :, :8, :8].astype(np.float32))
    assert pooled(x[:, :, :16, :32], 8) == pytest.approx(
        x[:, :, :16, :32].reshape(5, 3, 8, 2, 8, 4).mean((3, 5)), abs=1e-3
    )


def test_weighed_alike_what_says_no_more_than_the_shares_says_nothing():
    y = np.repeat([0, 1, -1], [90, 10, 50])  # a third class has no label
    found = weighed_alike(np.array([[0.9, 0.1, 0.0], [0.7, 0.3, 0.0], [0.0, 0.0, 1.0]]), y)
    assert found[0] == pytest.approx([0.5, 0.5, 0.0])
    assert found[1] == pytest.approx([7 / 34, 27 / 34, 0.0])  # odds of 7 to 3, against 9 to 1 before it was looked at
    assert found[2] == pytest.approx([0.0, 0.0, 1.0])


def test_majority_names_the_commonest_training_class_and_is_never_certain():
    probs = majority_probs(np.array([2, 2, 0, -1]), 4, 3)
    assert probs.shape == (3, 4)
    assert probs.argmax(1).tolist() == [2, 2, 2]
    assert probs.sum(1) == pytest.approx(1)
    assert (probs > 0).all()
    assert np.shares_memory(probs[0], probs[2]), "of many classes a copy for each example would be large"


def test_one_layer_learns_what_one_layer_can():
    x, y = striped(400)
    probs = linear_model(x[:300], y[:300], 2, seed=0)(x[300:])
    assert (probs.argmax(1) == y[300:]).mean() > 0.9
    assert probs.sum(1) == pytest.approx(1)


def test_classes_without_training_rows_get_a_small_probability():
    x, y = striped(60)
    probs = linear_model(x, y * 3, 5, seed=0)(x[:5])
    assert probs.shape == (5, 5)
    assert (probs[:, [1, 2, 4]] < 1e-5).all()
    assert (probs > 0).all()


@pytest.mark.parametrize(("strengths", "fits"), [((1e-2,), 1), ((1e-2, 1e-1), 3)])
def test_a_strength_without_an_alternative_is_not_chosen(monkeypatch, strengths, fits):
    fitted = []
    monkeypatch.setattr(baselines, "logistic_fit", lambda *given: fitted.append(given) or logistic_fit(*given))
    x, y = striped(40)
    baselines.logistic_regression(pixel_features(x), y, 2, strengths)
    assert len(fitted) == fits


@pytest.mark.parametrize("y", [[1, 1, 1, 1], [0, 1, -1, -1], [-1, -1, -1, 0]])
def test_too_little_to_fit_is_no_error(y):
    x, _ = striped(4)
    assert linear_model(x, np.array(y), 2, seed=0)(x).shape == (4, 2)


def test_no_warning_escapes_and_the_same_seed_gives_the_same():
    x, y = striped(200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = linear_model(x, y, 2, seed=1)(x[:3])
    assert (first == linear_model(x, y, 2, seed=1)(x[:3])).all()


def test_many_classes_of_few_images_warn_of_nothing():
    x = np.random.default_rng(0).integers(0, 256, (80, 3, 4, 4), dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert linear_model(x, np.arange(80) % 60, 60, seed=0)(x[:3]).shape == (3, 60)


def test_the_fitted_rows_are_known_and_few():
    known = np.arange(9000) % 3 > 0
    rows = drawn(known, 5000, seed=3)
    assert len(rows) == len(set(rows.tolist())) == 5000
    assert known[rows].all()
    assert (rows == drawn(known, 5000, seed=3)).all()
    assert len(drawn(known[:30], 5000, seed=3)) == 20


def test_it_is_fitted_in_as_long_as_some_sorts_take():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (9000, 3, 32, 32), dtype=np.uint8)
    y = generator.integers(0, 10, 9000)
    assert in_sorts(lambda: linear_model(x, y, 10, seed=0)(x[:1000])) < 15
