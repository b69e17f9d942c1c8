"""Which examples are chosen: what is unsure, what is far, both; and never one thing many times."""

import numpy as np
import pytest

from unfazed.analysis.neighbours import Sphere, closest, distances
from unfazed.analysis.query import (
    diverse_uncertain,
    farthest_first,
    margin_uncertainty,
    most_uncertain,
    set_uncertainty,
)
from unfazed.analysis.residuals import expected_errors


def circle(*degrees: float) -> np.ndarray:
    """Points on the unit circle."""
    angles = np.deg2rad(np.array(degrees, dtype=float))
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def on_sphere(embeddings: np.ndarray) -> np.ndarray:
    return Sphere.around(embeddings).units(embeddings)


def test_uncertainty_is_the_margin_between_the_two_likeliest() -> None:
    probs = np.array([[0.5, 0.5, 0.0], [0.6, 0.3, 0.1], [1.0, 0.0, 0.0]], np.float32)
    assert margin_uncertainty(probs) == pytest.approx([1.0, 0.7, 0.0], abs=1e-6)


def test_uncertainty_of_a_set_is_the_entropy_of_its_labels() -> None:
    probs = np.array([[0.5, 0.5], [0.0, 1.0], [0.5, 1.0]], np.float32)
    assert set_uncertainty(probs) == pytest.approx([2.0, 0.0, 1.0], abs=1e-6)


def test_the_most_uncertain_come_first_and_near_copies_last() -> None:
    units, uncertainty = circle(0, 0.1, 90, 0.2, 180), np.array([0.9, 0.99, 0.5, 0.8, 0.1])
    assert most_uncertain(uncertainty, units, 3, apart=0.1).tolist() == [1, 2, 4]
    assert most_uncertain(uncertainty, units, 5, apart=0.1).tolist() == [1, 2, 4, 0, 3]


def test_farthest_first_covers_what_is_not_labelled() -> None:
    labelled, units = circle(0), circle(1, 2, 90, 91, 180, 270)
    nearest = distances(units, labelled)
    first, *others = farthest_first(nearest, units, 3, 0.0).tolist()
    assert first == 4 and set(others) == {2, 5}


def test_both_takes_one_of_every_kind_of_the_uncertain() -> None:
    units = circle(*np.linspace(0, 3, 10), *np.linspace(120, 123, 4), 240, *np.linspace(180, 200, 30))
    uncertainty = np.r_[np.full(10, 0.9), np.full(4, 0.8), 0.7, np.full(30, 0.01)]
    chosen = diverse_uncertain(uncertainty, units, 3, 0.0)
    assert [row < 10 for row in chosen] == [True, False, False]
    assert 10 <= chosen[1] < 14 and chosen[2] == 14, "the most uncertain first, and the ten of one kind once"


def test_where_more_are_wanted_than_kinds_are_looked_for_each_gives_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfazed.analysis.query.GROUPS", 3)
    units = circle(*np.linspace(0, 8, 9), *np.linspace(120, 128, 9), *np.linspace(240, 248, 9))
    uncertainty = np.r_[np.linspace(0.9, 0.8, 9), np.full(9, 0.7), np.full(9, 0.6)]
    chosen = diverse_uncertain(uncertainty, units, 9, 0.0)
    assert [row // 9 for row in chosen] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert sorted(chosen[3:6] % 9) == [3, 4, 5], "the nearest to the middle"


def test_near_copies_are_told_from_all_before_them_in_any_block(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    units, uncertainty = on_sphere(generator.normal(size=(60, 3))), generator.random(60)
    kept: list[int] = []
    for row in np.argsort(-uncertainty):
        if all(np.linalg.norm(units[row] - units[other]) > 0.5 for other in kept):
            kept.append(int(row))
    assert 10 < len(kept) < 40
    for block in (1, 7, 256):
        monkeypatch.setattr("unfazed.analysis.query.BLOCK", block)
        assert most_uncertain(uncertainty, units, len(kept), 0.5).tolist() == kept


def test_copies_are_chosen_only_when_nothing_else_is_left() -> None:
    units, uncertainty = circle(*[90] * 50, 180, 200), np.r_[np.ones(50), 1e-3, 1e-3]
    for chosen in (
        farthest_first(distances(units, circle(0)), units, 5, 0.01),
        most_uncertain(uncertainty, units, 5, 0.01),
        diverse_uncertain(uncertainty, units, 5, 0.01),
    ):
        assert len(set(chosen.tolist())) == 5 and {50, 51} < set(chosen[:3].tolist())


def test_every_example_is_chosen_once_where_all_are_asked_for() -> None:
    generator = np.random.default_rng(0)
    units = on_sphere(generator.normal(size=(40, 3)))
    nearest = distances(units, units[:3])
    doubt = np.zeros(40)
    for chosen in (
        farthest_first(nearest, units, 100, 0.1),
        most_uncertain(doubt, units, 100, 2.0),
        diverse_uncertain(doubt, units, 40, 0.1),
    ):
        assert sorted(chosen.tolist()) == list(range(40))


def test_distances_in_blocks_are_those_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    units, others = (on_sphere(generator.normal(size=(n, 5))) for n in (33, 17))
    every = np.linalg.norm(units[:, None] - others[None], axis=2)
    monkeypatch.setattr("unfazed.analysis.neighbours.BLOCK", 60)
    assert distances(units, others) == pytest.approx(every.min(1), abs=1e-5)
    assert (closest(units, others, 4) == np.argsort(every, axis=1)[:, :4]).all()
    assert np.isinf(distances(units, others[:0])).all() and closest(units, others[:0], 4).shape == (33, 0)


def test_the_error_to_expect_is_that_of_the_neighbours_as_if_none_had_been_trained_on() -> None:
    residuals, trained = np.array([1.0, -2.0, 3.0, 4.0, np.nan]), np.array([True, True, False, False, False])
    found = expected_errors(residuals, trained, np.array([[0, 2], [1, 3]]))
    scale = 3.5 / 1.5  # the medians of either side
    assert found == pytest.approx([(scale * 1 + 3) / 2, (scale * 2 + 4) / 2])
