"""Flips are allowed where they are shown to keep the class, and nowhere else."""

import math

import numpy as np
import pytest
from pace import in_sorts

from unfazed.analysis.intervals import Estimate, wilson
from unfazed.analysis.symmetry import Agreement, Mirrored, _drawn, chosen_flip, mirror_agreement

SIDE = 16


def drawn(patterns, n, noise=60, seed=0, mirrored=()):
    """Noisy copies of the given 16 x 16 patterns; along the axes in `mirrored` each copy is turned by chance."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, len(patterns), n)
    images = np.stack(patterns)[y].astype(np.float32)
    for axis in mirrored:
        turned = generator.random(n) < 0.5
        images[turned] = np.flip(images[turned], axis)
    images = images[:, None].repeat(3, 1) + generator.normal(0, noise, (n, 3, SIDE, SIDE))
    return np.clip(images, 0, 255).astype(np.uint8), y


def patterns(count, seed=0):
    """Random coarse pictures, without any symmetry."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 4, 4))
    return list(coarse.repeat(4, 1).repeat(4, 2))


def test_real_digits_are_not_mirrored():
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = (digits.images * 15.9).astype(np.uint8)[:, None].repeat(3, 1)
    measured = mirror_agreement(x, digits.target, 0)
    assert chosen_flip(measured) == "none"
    assert measured.original.value > 0.95
    assert measured.horizontal.accuracy.value < 0.5
    assert {2, 3, 5, 7} <= set(measured.horizontal.damaged)


@pytest.mark.parametrize(
    ("mirrored", "expected"), [((), "none"), ((2,), "horizontal"), ((1, 2), "both"), ((1,), "none")]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_symmetry_of_the_data_is_found(mirrored, expected, seed):
    x, y = drawn(patterns(6, seed), 1200, seed=seed, mirrored=mirrored)
    assert chosen_flip(mirror_agreement(x, y, seed)) == expected


@pytest.mark.parametrize("seed", range(3))
def test_two_letters_among_forty_that_turn_into_each_other_forbid_flipping(seed):
    """The mean hardly moves (5 % of the classes); each class is looked at."""
    symmetric = [p // 2 + p[:, ::-1] // 2 for p in patterns(38, seed)]
    letter = np.full((SIDE, SIDE), 20)
    letter[:, :6] = 230
    x, y = drawn([*symmetric, letter, letter[:, ::-1]], 2000, noise=25, seed=seed)
    measured = mirror_agreement(x, y, seed)
    assert measured.horizontal.damaged == [38, 39]
    assert measured.horizontal.drop.high < 0.15 * measured.lift
    assert chosen_flip(measured) == "none"


def with_rare(seed, count, of_each, noise=25, pair=True, harmless=0):
    """1,500 images of ten symmetric patterns and `of_each` of each rare class: a left/right pair, symmetric ones."""
    symmetric = [(p + p[:, ::-1] + p[::-1] + p[::-1, ::-1]) // 4 for p in patterns(count + harmless, seed)]
    letter = np.full((SIDE, SIDE), 20)
    letter[2:-2, :6] = 230
    x, y = drawn(symmetric[:count], 1500, noise=noise, seed=seed)
    rare = [*symmetric[count:], *([letter, letter[:, ::-1]] if pair else [])]
    rare_x = np.stack(rare).repeat(of_each, 0)[:, None].repeat(3, 1)
    rare_x = np.clip(rare_x + np.random.default_rng(seed).normal(0, noise, rare_x.shape), 0, 255).astype(np.uint8)
    return np.concatenate([x, rare_x]), np.append(y, count + np.arange(len(rare)).repeat(of_each))


@pytest.mark.parametrize("of_each", [2, 4, 6, 8, 10])
@pytest.mark.parametrize("seed", range(2))
def test_a_rare_pair_that_turns_into_each_other_forbids_flipping(of_each, seed):
    measured = mirror_agreement(*with_rare(seed, 10, of_each), seed)
    assert {10, 11} <= set(measured.horizontal.damaged)
    assert chosen_flip(measured) == "none"


@pytest.mark.parametrize("seed", range(2))
def test_a_rare_pair_is_found_among_other_rare_classes(seed):
    measured = mirror_agreement(*with_rare(seed, 10, 8, harmless=10), seed)
    assert measured.horizontal.damaged == [20, 21]


@pytest.mark.parametrize("of_each", [4, 6, 10])
@pytest.mark.parametrize("seed", range(2))
def test_rare_classes_that_bear_mirroring_do_not_forbid_it(of_each, seed):
    measured = mirror_agreement(*with_rare(seed, 10, of_each, noise=60, pair=False, harmless=6), seed)
    assert chosen_flip(measured) == "both"


def test_rare_classes_too_few_to_be_tested_forbid_it():
    measured = mirror_agreement(*with_rare(0, 10, 1, pair=False, harmless=3), 0)
    assert measured.horizontal.damaged == [10, 11, 12]
    assert chosen_flip(measured) == "none"


def test_of_many_images_those_of_rare_classes_are_drawn():
    _, y = with_rare(0, 10, 25, harmless=2)
    many = np.concatenate([np.arange(len(y)), np.flatnonzero(y < 10), np.flatnonzero(y < 10), np.flatnonzero(y < 10)])
    assert len(many) > 5000
    assert np.bincount(y[many][_drawn(y[many], 0)])[10:].tolist() == [25] * 4
    assert len(_drawn(y[many], 0)) == 2000


def test_a_drop_that_may_be_large_forbids_flipping():
    """It must be shown that a flip does no harm; not having seen any is not enough."""
    original, lift = wilson(90, 100), 0.6
    sure = Mirrored(original, Estimate(0.01, 0.0, 0.02, 1000), [])
    unsure = Mirrored(original, Estimate(0.01, -0.1, 0.12, 50), [])
    assert chosen_flip(Agreement(original, sure, sure, 0.2, lift)) == "both"
    assert chosen_flip(Agreement(original, sure, unsure, 0.2, lift)) == "horizontal"
    assert chosen_flip(Agreement(original, unsure, sure, 0.2, lift)) == "none"
    assert chosen_flip(Agreement(wilson(25, 100), sure, sure, 0.2, lift)) == "none"


@pytest.mark.parametrize("n", [0, 1, 8, 12])
def test_too_few_images_prove_nothing(n):
    x, y = drawn(patterns(2), n, mirrored=(1, 2))
    assert chosen_flip(mirror_agreement(x, y, 0)) == "none"


def test_neighbours_that_know_nothing_allow_nothing():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (1000, 3, 8, 8), dtype=np.uint8)
    measured = mirror_agreement(x, generator.integers(0, 5, 1000), 0)
    assert chosen_flip(measured) == "none"
    assert math.isfinite(measured.lift)


def test_one_class_and_missing_labels():
    x, _ = drawn(patterns(1), 100)
    assert chosen_flip(mirror_agreement(x, np.zeros(100, np.int64), 0)) == "none"
    assert mirror_agreement(x, np.full(100, -1), 0).original.n == 0


def test_it_takes_as_long_as_some_sorts():
    x = np.random.default_rng(0).integers(0, 256, (9000, 3, 32, 32), dtype=np.uint8)
    assert in_sorts(lambda: mirror_agreement(x, np.arange(9000) % 100, 0)) < 15
