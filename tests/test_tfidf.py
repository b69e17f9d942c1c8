"""TF-IDF with logistic regression."""

import numpy as np
import pytest

from unfazed.analysis import tfidf
from unfazed.analysis.tfidf import tfidf_features, tfidf_model, tfidf_numbers

SUBJECTS = ("ships and harbours", "bread and flour", "stars and moons")


def texts(count: int, seed: int) -> tuple[list[str], np.ndarray]:
    generator = np.random.default_rng(seed)
    y = np.arange(count) % 3
    starts = generator.choice(["a word", "a note", "some"], count)
    return [f"{start} about {SUBJECTS[label]} {n}" for n, (start, label) in enumerate(zip(starts, y, strict=True))], y


def test_it_learns_what_words_tell() -> None:
    model = tfidf_model(*texts(90, 0), 3)
    asked, y = texts(30, 1)
    probs = model(asked)
    assert probs.shape == (30, 3)
    assert (probs.argmax(1) == y).all()
    assert probs.sum(1) == pytest.approx(1.0)


def test_two_words_in_a_row_count() -> None:
    train = ["not good", "good not bad", "bad not good", "not bad"] * 20
    model = tfidf_model(train, np.array([0, 1, 0, 1] * 20), 2)
    assert model(["not good", "not bad"]).argmax(1).tolist() == [0, 1]


def test_classes_without_a_text_get_next_to_nothing() -> None:
    probs = tfidf_model(*texts(90, 0), 5)(["about bread and flour"])
    assert probs.shape == (1, 5)
    assert 0 < probs[0, 3:].max() < 1e-4


def test_of_many_classes_all_are_fitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fits, logistic = [], tfidf._logistic
    monkeypatch.setattr(tfidf, "_logistic", lambda strength: fits.append(strength) or logistic(strength))
    y = np.arange(240) % 40
    model = tfidf_model([f"subject{label} of {row}" for row, label in enumerate(y)], y, 40)
    assert len(fits) == 1 and fits[0] in tfidf.STRENGTHS
    assert (model([f"subject{label}" for label in range(40)]).argmax(1) == np.arange(40)).all()


def test_the_more_classes_the_fewer_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf, "WEIGHTS", 100)
    found = texts(90, 0)[0]
    assert tfidf_features(found, 5)(found).shape == (90, 20)
    assert tfidf_features(found, 200)(found).shape == (90, 1)


def test_one_class_alone_is_answered_by_its_share() -> None:
    probs = tfidf_model(["one", "two"], np.array([1, 1]), 2)(["three"])
    assert probs.tolist() == [[0.25, 0.75]]


def test_texts_without_a_known_word_are_answered() -> None:
    assert np.isfinite(tfidf_model(*texts(30, 0), 3)(["", "שלום", "🙂"])).all()


def test_texts_that_hold_no_word_at_all_can_be_learnt_from() -> None:
    model = tfidf_model([" ", "\u200b"] * 10, np.array([0, 1] * 10), 2)
    assert model(["anything"]).sum() == pytest.approx(1.0)


def test_numbers_are_predicted_from_words() -> None:
    train, y = texts(90, 0)
    numbers = tfidf_numbers(train, y * 10.0)(texts(30, 1)[0])
    assert numbers.shape == (30, 1)
    assert np.corrcoef(numbers[:, 0], texts(30, 1)[1])[0, 1] > 0.9
    assert tfidf_numbers([" "] * 4, np.arange(4.0))(["one"]).tolist() == [[1.5]]
