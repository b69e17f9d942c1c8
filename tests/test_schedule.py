import pytest
from hypothesis import given
from hypothesis import strategies as st
from problems import recipe

from unfazed.schedule import Course, learning_rate

TOTAL = 1000
SCHEDULES = ["one-cycle", "cosine", "triangular", "step", "constant"]


def rates(schedule: str, warmup: float = 0.1, stalled_at: int | None = None) -> list[float]:
    chosen = recipe(schedule=schedule, warmup=warmup, learning_rate=1.0)
    course = Course(TOTAL // 10, TOTAL)
    if stalled_at is not None:
        rest = course.annealed(chosen, stalled_at)
        return rates(schedule, warmup)[:stalled_at] + [
            learning_rate(chosen, rest, step) for step in range(stalled_at, rest.end)
        ]
    return [learning_rate(chosen, course, step) for step in range(course.end)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_it_warms_up_to_the_peak_and_is_never_zero_or_above_it(schedule: str) -> None:
    course = rates(schedule)
    assert course[:100] == sorted(course[:100])
    assert max(course) == pytest.approx(1.0, abs=0.02)
    assert all(0 < rate <= 1.0 for rate in course)


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "triangular"])
def test_annealing_schedules_end_near_zero(schedule: str) -> None:
    assert rates(schedule)[-1] < 0.02


def test_one_cycle_falls_in_a_straight_line() -> None:
    course = rates("one-cycle")
    falls = [before - after for before, after in zip(course[200:], course[201:], strict=False)]
    assert max(falls) == pytest.approx(min(falls), rel=1e-6)


def test_triangular_rises_again_after_falling() -> None:
    course = rates("triangular")
    turns = sum((b - a) * (c - b) < 0 for a, b, c in zip(course, course[1:], course[2:], strict=False))
    assert turns == 5  # peak, valley, peak, valley, peak


def test_step_decay_has_three_levels() -> None:
    course = rates("step")
    assert {round(rate, 6) for rate in course[100:]} == {1.0, 0.1, 0.01}


def test_constant_is_constant_after_the_warmup() -> None:
    assert set(rates("constant")[100:]) == {1.0}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_after_a_stall_it_falls_from_where_it_was_to_zero_within_a_quarter(schedule: str) -> None:
    whole, course = rates(schedule), rates(schedule, stalled_at=500)
    assert course[:500] == whole[:500]
    assert len(course) == 500 + 200  # 2.5 of 10 epochs, in whole epochs
    assert course[500:] == sorted(course[500:], reverse=True)
    assert course[500] <= whole[500]
    assert 0 < course[-1] < 0.01 * whole[500] + 1e-9


@given(
    step=st.integers(0, TOTAL - 1),
    before_end=st.integers(1, 250),
    end=st.integers(1, 500),
    schedule=st.sampled_from(SCHEDULES),
)
def test_neither_an_annealing_nor_fitting_it_makes_the_rate_jump(
    step: int, before_end: int, end: int, schedule: str
) -> None:
    chosen = recipe(schedule=schedule, warmup=0.1)
    whole = Course(TOTAL // 10, TOTAL)
    falling = whole.annealed(chosen, step)
    assert falling.falling_from == whole.multiplier(chosen, step) == pytest.approx(falling.multiplier(chosen, step))
    now = max(step, falling.end - before_end)
    stretched, same = falling.fitted(chosen, now, now + end), falling.fitted(chosen, now, falling.end)
    assert stretched.multiplier(chosen, now) == pytest.approx(falling.multiplier(chosen, now))
    for later in range(now, falling.end):
        assert same.multiplier(chosen, later) == pytest.approx(falling.multiplier(chosen, later))


def test_an_annealing_is_never_longer_than_the_plan() -> None:
    assert Course(100, 1000).annealed(recipe(), 950).end == 1000


def scales(start_size: float, course: Course) -> list[float]:
    chosen = recipe(start_size=start_size)
    return [course.scale(chosen, step) for step in range(course.end)]


def test_images_grow_from_epoch_to_epoch_to_their_full_size() -> None:
    grown = scales(0.6, Course(10, 100))
    assert grown[0] == pytest.approx(0.6 + 0.4 * 0.1 / 0.8, abs=0.01)
    assert grown == sorted(grown) and set(grown[80:]) == {1.0}
    assert all(len(set(grown[first : first + 10])) == 1 for first in range(0, 100, 10))


def test_a_single_epoch_and_an_annealing_are_of_full_size() -> None:
    assert set(scales(0.6, Course(10, 10))) == set(scales(0.6, Course(10, 2))) == {1.0}
    assert set(scales(0.6, Course(10, 100).annealed(recipe(), 10))) == {1.0}
    assert set(scales(1.0, Course(10, 100))) == {1.0}


def test_the_cost_ahead_is_the_mean_of_the_areas() -> None:
    course, chosen = Course(10, 95), recipe(start_size=0.5)
    areas = [side**2 for side in scales(0.5, course)]
    for step in (0, 37, 94):
        assert course.cost(chosen, step) == pytest.approx(sum(areas[step:]) / len(areas[step:]))
    assert course.cost(chosen, 95) == 1.0  # of a step more
