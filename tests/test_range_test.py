import numpy as np
import pytest

from unfazed.analysis.intervals import Floats
from unfazed.analysis.range_test import Bracket, bracket, diverged, smoothed

RATES = np.geomspace(1e-5, 10.0, 120)
PLACE = np.log10(RATES)


def valley(fastest: float = 1e-3, lowest: float = 1e-2, noise: float = 0.0, repeats: int = 1) -> Floats:
    """Losses that fall from 2.3 with their steepest slope at `fastest`, and climb in proportion above `lowest`."""
    falling = 2.3 - 1.5 / (1 + np.exp(-(PLACE - np.log10(fastest)) / 0.2))
    climbing = np.maximum(0, PLACE - np.log10(lowest)) ** 2
    draw = np.random.default_rng(0)
    return falling + climbing + noise * draw.standard_normal((repeats, len(RATES)))


def found(losses: Floats) -> Bracket:
    told = bracket(RATES[: losses.shape[1]], losses)
    assert told is not None
    return told


@pytest.mark.parametrize(("fastest", "lowest"), [(1e-3, 1e-2), (1e-4, 3e-3), (3e-2, 0.3)])
def test_the_bracket_goes_from_the_steepest_fall_past_the_lowest_point_to_where_it_climbs(
    fastest: float, lowest: float
) -> None:
    told = found(valley(fastest, lowest))
    assert told.low == pytest.approx(fastest, rel=0.3)
    assert told.peak == pytest.approx(lowest, rel=0.5)
    assert told.low < told.peak < told.high < 10 * lowest
    assert told.limited


def test_noise_moves_it_little_and_repeats_less() -> None:
    clean = found(valley())
    for repeats, off in ((1, 3.0), (9, 2.0)):
        noisy = found(valley(noise=0.1, repeats=repeats))
        assert 1 / off < noisy.peak / clean.peak < off
        assert 1 / off < noisy.low / clean.low < off


def test_the_curve_goes_on_while_most_repeats_do_and_ends_with_them() -> None:
    whole = valley(noise=0.05, repeats=3)
    cut = whole.copy()
    cut[1, 12:] = np.nan
    cut[2, 90:] = np.nan
    assert found(cut).peak == pytest.approx(found(whole).peak, rel=0.5)
    curve = smoothed(RATES, cut)
    assert np.isfinite(curve[:90]).all() and np.isnan(curve[90:]).all()
    assert smoothed(RATES, cut[[1, 1, 0, 0]])[11:13] == pytest.approx([curve[11], np.nan], abs=1, nan_ok=True)


def test_what_was_left_out_after_a_divergence_changes_nothing_before_it() -> None:
    whole = valley(noise=0.05, repeats=1)
    cut = whole.copy()
    cut[0, 90:] = np.nan
    assert found(cut)[:2] == found(whole[:, :90])[:2]


def test_a_loss_that_never_climbs_back_has_no_upper_end() -> None:
    told = found(2.3 - 1.5 / (1 + np.exp(-(PLACE[None] + 1) / 0.3)))
    assert not told.limited
    assert told.high == RATES[-1]


@pytest.mark.parametrize(
    "losses",
    [
        np.full((1, 120), 2.3),
        2.3 + np.maximum(0, PLACE[None]),
        2.3 + 0.2 * np.random.default_rng(0).standard_normal((1, 120)),
        np.full((2, 120), np.nan),
        valley()[:, :12],
    ],
    ids=["flat", "only climbing", "noise", "nothing", "too short"],
)
def test_a_loss_that_never_clearly_falls_suggests_nothing(losses: Floats) -> None:
    assert bracket(RATES[: losses.shape[1]], losses) is None


def test_smoothing_lags_behind_in_neither_direction() -> None:
    line = 3 + PLACE[None]
    assert smoothed(RATES, line)[20:-20] == pytest.approx(line[0, 20:-20])


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([2.3], False),
        ([np.nan], True),
        ([2.3, 2.2, np.inf], True),
        ([2.3] * 20, False),
        ([2.3] * 10 + [1.0] * 10 + [2.3] * 10, False),
        ([2.3] * 10 + [1.0] * 10 + [4.0] * 5, True),
        ([2.3] * 10 + [1.0] * 10 + [40.0] + [1.0] * 4, False),
        ([2.3, 9.0, 9.0, 9.0], False),
        ([-1.0] * 20, False),
        ([-1.0] * 20 + [-0.5] * 5, True),
    ],
)
def test_divergence_is_no_number_or_for_several_steps_worse_than_at_first(losses: list[float], expected: bool) -> None:
    assert diverged(np.array(losses)) is expected


def squared_errors(level: Floats, seed: int) -> Floats:
    """Mean squared errors of 16 examples a step around `level`: one step varies by a third of it."""
    return np.asarray(level * np.random.default_rng(seed).chisquare(16, len(level)) / 16)


def steps_made(losses: Floats) -> int:
    ended = (step for step in range(1, len(losses) + 1) if diverged(losses[:step]))
    return next(ended, len(losses))


@pytest.mark.parametrize("seed", range(20))
def test_errors_of_numbers_wobble_without_diverging_and_diverge_all_the_same(seed: int) -> None:
    learning = np.geomspace(1.0, 0.5, 90)
    assert steps_made(squared_errors(learning, seed)) == 90
    climbing = np.append(learning, np.geomspace(0.5, 50.0, 30))
    assert 90 < steps_made(squared_errors(climbing, seed)) < 120
