"""Sides: everybody is on one, nothing that belongs together is on two, and the mix of classes is the same."""

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pace import in_sorts

from unfazed.errors import SourceError
from unfazed.split import Duplicates, described, draw_splits, duplicate_rows
from unfazed.table import SPLITS, Table


def table(labels: list[str | None], **columns: Any) -> Table:
    rows = [str(row) for row in range(len(labels))]
    frame = pl.DataFrame(
        {"id": rows, "input": rows, "label": labels, **columns},
        schema_overrides={"split": pl.String, "group": pl.String},
    )
    return Table.of(frame, "/root", "test")


def assign_splits(
    one: Table, contents: list[str], validation: float, test: float, seed: int, group: str = "group"
) -> tuple[Table, Duplicates]:
    return described(*draw_splits(one, contents, validation, test, seed, group))


def unique(count: int) -> list[str]:
    return [f"content {row}" for row in range(count)]


def sides(one: Table) -> list[str | None]:
    return one.frame["split"].to_list()


@st.composite
def populations(draw: st.DrawFn) -> tuple[Table, list[str]]:
    """Labels, contents that repeat, groups that are sometimes missing."""
    count = draw(st.integers(12, 60))
    classes = draw(st.integers(2, 4))
    labels = [f"class {draw(st.integers(0, classes - 1))}" for _ in range(count)]
    contents = [f"content {draw(st.integers(0, 2 * count))}" for _ in range(count)]
    groups = [draw(st.sampled_from([None, *(f"group {number}" for number in range(count))])) for _ in range(count)]
    return table(labels, group=groups), contents


@settings(deadline=None, max_examples=60)
@given(populations(), st.integers(0, 100))
def test_everybody_has_a_side_and_nothing_is_on_two(population: tuple[Table, list[str]], seed: int) -> None:
    one, contents = population
    try:
        split, _ = assign_splits(one, contents, 0.2, 0.2, seed)
    except SourceError:
        assume(False)  # all of it hangs together
    assert set(sides(split)) == set(SPLITS)
    for keys in (contents, one.frame["group"].to_list()):
        where = defaultdict(set)
        for key, side in zip(keys, sides(split), strict=True):
            where[key].add(side)
        assert all(len(found) == 1 for key, found in where.items() if key is not None)
    assert split.frame.drop("split", "sha256").equals(one.frame.drop("split", "sha256"))
    assert set(one.y().tolist()) == set(split.where(split.rows("train")).y().tolist()), "each class has a row in train"


@settings(deadline=None, max_examples=60)
@given(
    counts=st.lists(st.integers(2, 200), min_size=2, max_size=8),
    validation=st.floats(0.01, 0.4),
    test=st.floats(0.01, 0.4),
    seed=st.integers(0, 5),
)
def test_the_mix_of_classes_is_the_same_within_rounding(
    counts: list[int], validation: float, test: float, seed: int
) -> None:
    labels = [f"{number}" for number, count in enumerate(counts) for _ in range(count)]
    split, _ = assign_splits(table(labels), unique(len(labels)), validation, test, seed)
    y, total = split.y(), len(labels)
    for share, name in ((test, "test"), (validation, "validation")):
        found = np.bincount(y[split.rows(name)], minlength=len(counts))
        assert (np.abs(found - share * np.array(counts)) < 1.0 + 1e-9).all()
        nearest = abs(found.sum() - max(share * total, 1)) <= 0.5 + 1e-9  # a half is rounded up or down
        assert nearest or min(counts) <= 4  # tiny classes keep their last row in train
    assert (np.bincount(y[split.rows("train")], minlength=len(counts)) >= 1).all()


@settings(deadline=None, max_examples=60)
@given(populations(), st.integers(0, 20), st.randoms())
def test_the_split_is_a_function_of_content_and_seed(
    population: tuple[Table, list[str]], seed: int, random: Any
) -> None:
    """Not of the order of the rows, nor of their names."""
    one, contents = population
    contents = [f"{content} {row}" for row, content in enumerate(contents)]  # no two the same
    order = list(range(len(one)))
    random.shuffle(order)
    other = one.where(order)
    other = Table(other.frame.with_columns(id=pl.col("id") + "renamed"), "/elsewhere", other.kind, other.classes)
    try:
        first, _ = assign_splits(one, contents, 0.2, 0.2, seed)
        again, _ = assign_splits(one, contents, 0.2, 0.2, seed)
        second, _ = assign_splits(other, [contents[row] for row in order], 0.2, 0.2, seed)
    except SourceError:
        assume(False)
    assert sides(first) == sides(again)
    assert [sides(first)[row] for row in order] == sides(second)


def test_other_seeds_split_differently() -> None:
    one = table(["a", "b"] * 50)
    splits = [tuple(sides(assign_splits(one, unique(100), 0.1, 0.2, seed)[0])) for seed in range(5)]
    assert len(set(splits)) == 5


def test_one_file_more_moves_few_others() -> None:
    labels = ["a", "b"] * 500
    before, _ = assign_splits(table(labels), unique(1000), 0.1, 0.2, 0)
    after, _ = assign_splits(table([*labels, "a"]), unique(1001), 0.1, 0.2, 0)
    moved = sum(old != new for old, new in zip(sides(before), sides(after)[:-1], strict=True))
    assert moved <= 4


def test_contents_are_counted_once() -> None:
    one = table(["a", "a", "a", "b", "b", "a", None, *["a", "b"] * 10])
    contents = ["x", "x", "y", "y", "z", "y", "z", *unique(20)]
    split, duplicates = assign_splits(one, contents, 0.1, 0.2, 0)
    assert duplicates == Duplicates(count=5, conflicting=3, leaked=0)
    assert ("5 rows have the same content as another, 3 of them under several labels "
            "(the first: row 0, 0 and row 1, 1); see duplicates.csv") in split.notes
    assert sides(split)[6] is None  # no label, no side


def test_unknown_content_equals_nothing() -> None:
    split, duplicates = assign_splits(table(["a", "b"] * 20), [""] * 40, 0.1, 0.2, 0)
    assert duplicates.count == 0
    assert Counter(sides(split)) == {"train": 28, "validation": 4, "test": 8}


def test_what_the_source_splits_is_honoured() -> None:
    given_sides = ["train"] * 40 + ["test"] * 10
    split, _ = assign_splits(table(["a", "b"] * 25, split=given_sides), unique(50), 0.2, 0.2, 0)
    assert sides(split)[40:] == ["test"] * 10
    assert Counter(sides(split)[:40]) == {"train": 32, "validation": 8}
    assert "train and test as the source has them" in split.notes
    whole = ["train"] * 30 + ["validation"] * 10 + ["test"] * 10
    split, _ = assign_splits(table(["a", "b"] * 25, split=whole), unique(50), 0.2, 0.2, 0)
    assert sides(split) == whole
    no_test = ["train"] * 40 + ["validation"] * 10
    split, _ = assign_splits(table(["a", "b"] * 25, split=no_test), unique(50), 0.2, 0.2, 0)
    assert Counter(sides(split)) == {"train": 32, "test": 8, "validation": 10}
    assert "test 20 % taken from the other rows, stratified by class" in split.notes


def test_rows_without_a_side_join_those_that_have_one() -> None:
    some: list[str | None] = [*["test"] * 10, *[None] * 40]
    split, _ = assign_splits(table(["a", "b"] * 25, split=some), unique(50), 0.2, 0.2, 0)
    assert sides(split)[:10] == ["test"] * 10
    assert Counter(sides(split)[10:]) == {"train": 32, "validation": 8}


def test_content_on_two_sides_of_the_source_leaves_the_earlier_one() -> None:
    labels = ["a", "b"] * 10
    given_sides: list[str | None] = ["train"] * 12 + ["validation"] * 4 + ["test"] * 3 + [None]
    contents = unique(20)
    contents[0] = contents[17] = "train and test"
    contents[2] = contents[12] = "train and validation"
    contents[13] = contents[16] = "validation and test"
    contents[4] = contents[6] = "twice in train"
    contents[19] = contents[18]  # without a side, and in test
    split, duplicates = assign_splits(table(labels, split=given_sides), contents, 0.2, 0.2, 0)
    expected = given_sides.copy()
    for row in (0, 2, 13, 19):
        expected[row] = None
    assert sides(split) == expected
    assert split.frame["weight"].to_list() == [0.0 if row in (0, 2, 13, 19) else 1.0 for row in range(20)]
    assert duplicates == Duplicates(count=10, conflicting=6, leaked=4)
    assert "rows left out, whose content is also in validation or test: 4" in split.notes


def test_groups_stay_together_and_sides_keep_their_size() -> None:
    groups = [f"patient {row // 10}" for row in range(400)]
    split, _ = assign_splits(table(["a", "b"] * 200, group=groups), unique(400), 0.1, 0.2, 0)
    counted = Counter(sides(split))
    assert all(len({sides(split)[row] for row in range(start, start + 10)}) == 1 for start in range(0, 400, 10))
    assert abs(counted["test"] - 80) <= 10 and abs(counted["validation"] - 40) <= 10


@pytest.mark.parametrize("size", [1, 7, 25, 33])
def test_three_groups_or_more_always_suffice(size: int) -> None:
    for groups in (3, 4, 5, 9):
        names = [f"group {row // (2 * size)}" for row in range(2 * size * groups)]
        split, _ = assign_splits(table(["a", "b"] * size * groups, group=names), unique(len(names)), 0.1, 0.2, 0)
        assert set(sides(split)) == set(SPLITS)


def test_a_group_joins_rows_through_their_content() -> None:
    groups = ["g", None, None, "h", *[None] * 36]
    contents = ["x", "x", "y", "y", *unique(36)]
    groups[2] = "g"  # x and y hang together through g, and with them h
    split, _ = assign_splits(table(["a", "b"] * 20, group=groups), contents, 0.1, 0.2, 3)
    assert len(set(sides(split)[:4])) == 1


def test_a_row_without_a_side_is_left_out_where_its_group_is_in_the_test_that_the_source_has() -> None:
    given = ["test" if row < 30 and row % 3 == 0 else None for row in range(120)]
    one = table(["a", "b"] * 60, split=given, group=[f"g{row // 6}" for row in range(120)])
    split, found = assign_splits(one, unique(120), 0.1, 0.2, 0, "patient")
    assert sides(split)[:30] == given[:30], "its test stays as it is, and nothing of these groups is learnt from"
    assert split.frame["weight"].to_list() == [0.0 if row < 30 and row % 3 else 1.0 for row in range(120)]
    assert None not in sides(split)[30:] and found.leaked == 0
    assert "20 rows without a side left out: others of their patient are in validation or test" in split.notes
    assert any("none on two sides" in note for note in split.notes)
    everywhere = one.with_split(["test" if row % 3 == 0 else None for row in range(120)], np.ones(120))
    with pytest.raises(SourceError, match="80 are left out, their content or group is also on a later side"):
        assign_splits(everywhere, unique(120), 0.1, 0.2, 0)


def test_groups_that_the_source_tears_are_told() -> None:
    one = table(["a", "b"] * 10, split=["train"] * 10 + ["test"] * 10, group=["g", "h"] * 10)
    with pytest.raises(SourceError):  # two groups cannot make a validation side of their own
        assign_splits(table(["a", "b"] * 10, group=["g", "h"] * 10), unique(20), 0.2, 0.2, 0)
    one = table(["a", "b"] * 10, split=["train"] * 8 + ["validation"] * 2 + ["test"] * 10, group=["g"] * 20)
    split, _ = assign_splits(one, unique(20), 0.2, 0.2, 0)
    assert "groups on several sides, as the source has them: 1" in split.notes


def test_the_latest_rows_are_the_test() -> None:
    times = [float((row * 37) % 100) for row in range(100)]
    split, _ = assign_splits(table(["a", "b"] * 50, time=times), unique(100), 0.1, 0.2, 0)
    frame = split.frame.sort("time")
    assert frame["split"].to_list() == ["train"] * 70 + ["validation"] * 10 + ["test"] * 20
    assert "test 20 % and validation 10 % taken from all rows, the latest by time" in split.notes


def test_rows_without_a_time_are_the_earliest_and_contents_go_with_their_latest_row() -> None:
    times: list[float | None] = [None, *(float(row) for row in range(1, 50))]
    contents = unique(50)
    contents[3] = contents[49]
    split, _ = assign_splits(table(["a", "b"] * 25, time=times), contents, 0.1, 0.2, 0)
    assert sides(split)[0] == "train"
    assert sides(split)[3] == sides(split)[49] == "test"


@pytest.mark.parametrize("small", [2, 3, 4])
def test_small_classes_work_and_their_absence_is_told(small: int) -> None:
    labels = ["common"] * 60 + ["rare"] * small
    split, _ = assign_splits(table(labels), unique(len(labels)), 0.1, 0.1, 0)
    rare = [side for label, side in zip(labels, sides(split), strict=True) if label == "rare"]
    assert "train" in rare
    assert ('no example in test of "rare"' in split.notes) == ("test" not in rare)


@pytest.mark.parametrize("seed", range(5))
def test_the_smallest_data_that_can_be_split(seed: int) -> None:
    split, _ = assign_splits(table(["a", "a", "b", "b"]), unique(4), 0.1, 0.2, seed)
    assert sorted(map(str, sides(split))) == ["test", "train", "train", "validation"]
    assert set(split.where(split.rows("train")).y().tolist()) == {0, 1}
    split, _ = assign_splits(table(["a", "a", "b", "b"]), unique(4), 0.25, 0.375, seed)  # 1.5 rows: 2 would be all
    assert sorted(map(str, sides(split))) == ["test", "train", "train", "validation"]
    with pytest.raises(SourceError, match="too few rows for a validation side: 3 rows"):
        assign_splits(table(["a", "a", "b"]), unique(3), 0.1, 0.2, seed)


def test_a_class_whose_files_are_all_the_same_is_learnt_from() -> None:
    labels = ["a"] * 30 + ["b"] * 5
    split, _ = assign_splits(table(labels), [*unique(30), *["same"] * 5], 0.2, 0.4, 0)
    assert sides(split)[30:] == ["train"] * 5
    assert 'no example in test of "b"' in split.notes


def test_a_class_that_would_be_tested_only_is_learnt_from() -> None:
    """What stays together fills the other sides first; a class without a training row then gets one back."""
    split, _ = assign_splits(table(["b", "b", "a", "a", "a", "a"]), ["1", "3", "0", "2", "2", "2"], 0.4, 0.4, 0)
    assert set(split.where(split.rows("train")).y().tolist()) == {0, 1}
    assert set(sides(split)) == set(SPLITS)


def test_the_largest_remainder_is_rounded_up() -> None:
    labels = ["a"] * 14 + ["b"] * 16  # a tenth is 1.4 and 1.6, 3 together
    split, _ = assign_splits(table(labels), unique(30), 0.1, 0.1, 0)
    for name in ("test", "validation"):
        assert np.bincount(split.y()[split.rows(name)]).tolist() == [1, 2]


def test_every_side_has_rows_or_the_source_is_refused() -> None:
    with pytest.raises(SourceError, match="too few rows for a validation side"):
        assign_splits(table(["a", "b"] * 10), unique(20), 0.0, 0.2, 0)
    with pytest.raises(SourceError, match="too few rows for a validation and a test side"):
        assign_splits(table(["a", "a", "b"]), ["same", "same", "same"], 0.3, 0.3, 0)


def test_without_a_share_for_it_there_is_no_test() -> None:
    split, _ = assign_splits(table(["a", "b"] * 10), unique(20), 0.2, 0.0, 0)
    assert len(split.rows("test")) == 0 and len(split.rows("validation")) == 4


def test_a_validation_side_that_equals_the_test_is_drawn_anew() -> None:
    given_sides = ["train"] * 40 + ["validation"] * 10 + ["test"] * 10
    contents = [*unique(50), *unique(50)[40:]]
    split, duplicates = assign_splits(table(["a", "b"] * 30, split=given_sides), contents, 0.2, 0.2, 0)
    assert sides(split)[40:] == [None] * 10 + ["test"] * 10
    assert Counter(sides(split)[:40]) == {"train": 32, "validation": 8}
    assert duplicates.leaked == 10
    assert {"train and test as the source has them", "rows left out, whose content is also in validation or test: 10",
            "validation 20 % taken from the other rows, stratified by class"} <= set(split.notes)


def test_a_validation_side_that_leaks_and_cannot_be_drawn_is_refused() -> None:
    one = table(["a", "b"] * 3, split=["train"] * 2 + ["validation"] * 2 + ["test"] * 2)
    with pytest.raises(SourceError, match="few rows for a validation side: 6 rows; 2 are left out, their content is"):
        assign_splits(one, ["1", "2", "x", "y", "x", "y"], 0.2, 0.2, 0)


def test_train_with_one_class_is_refused() -> None:
    one = table(["a"] * 10 + ["a", "b"] * 5, split=["train"] * 10 + ["test"] * 10)
    with pytest.raises(SourceError, match=r'train side of /root \(test\) has only one class, "a".*another split'):
        assign_splits(one, unique(20), 0.2, 0.2, 0)
    one = table(["a"] * 60 + ["b"] * 40, time=[float(row) for row in range(100)])
    with pytest.raises(SourceError, match=r'only one class, "a", in its 20 rows.*without --time'):
        assign_splits(one, unique(100), 0.4, 0.4, 0)


def test_a_class_that_is_not_tested_is_told_with_times_and_with_groups_too() -> None:
    labels = ["rare"] * 4 + ["a", "b"] * 48
    timed, _ = assign_splits(table(labels, time=[float(row) for row in range(100)]), unique(100), 0.1, 0.2, 0)
    assert {'no example in test of "rare"', 'no example in validation of "rare"'} <= set(timed.notes)
    latest, _ = assign_splits(table(labels, time=[-float(row) for row in range(100)]), unique(100), 0.1, 0.2, 0)
    told = 'no example in train of "rare" (4 in test): it cannot be learnt, every answer will be wrong.'
    assert told in latest.notes
    groups = [*["one"] * 4, *[f"group {row // 4}" for row in range(96)]]
    grouped, _ = assign_splits(table(labels, group=groups), unique(100), 0.1, 0.2, 0)
    assert 'no example in test of "rare"' in grouped.notes


def test_the_content_of_each_row_is_kept() -> None:
    split, _ = assign_splits(table(["a", "b"] * 20), ["", *unique(40)[1:]], 0.1, 0.2, 0)
    assert split.frame["sha256"].to_list() == [None, *unique(40)[1:]]


def test_nothing_left_to_learn_from() -> None:
    one = table(["a", "b"] * 4, split=["train"] * 2 + ["validation"] * 2 + ["test"] * 4)
    with pytest.raises(SourceError, match="train side"):
        assign_splits(one, ["x", "y", "u", "v", "x", "y", "z", "w"], 0.1, 0.2, 0)


def test_what_was_done_is_told_after_what_was_found() -> None:
    split, _ = assign_splits(table(["a", "b"] * 50).with_notes("found before"), unique(100), 0.1, 0.2, 0)
    assert split.notes == ("found before", "test 20 % and validation 10 % taken from all rows, stratified by class")


def test_fifty_thousand_rows_take_as_long_as_some_sorts() -> None:
    labels = [f"class {row % 100}" for row in range(50_000)]
    contents = [f"content {row // 2 if row % 5 == 0 else row}" for row in range(50_000)]
    given = table(labels)
    assert in_sorts(lambda: assign_splits(given, contents, 0.1, 0.2, 0)) < 30


def test_duplicates_have_names_and_stay_out_of_the_counts() -> None:
    labels, contents = ["a", "b"] * 20, unique(40)
    contents[1] = contents[0]
    contents[5] = contents[9] = contents[3]
    one = table(labels)
    one = replace(one, frame=one.frame.with_columns(id=pl.col("id") + ".jpg"))
    split, duplicates = assign_splits(one, contents, 0.1, 0.2, 0)
    assert duplicates._asdict() == {"count": 5, "conflicting": 2, "leaked": 0}
    side = sides(split)
    assert duplicate_rows(split) == [
        ("0.jpg", "a", side[0], "0.jpg", "true"),
        ("1.jpg", "b", side[1], "0.jpg", "true"),
        *((f"{row}.jpg", "b", side[row], "3.jpg", "false") for row in (3, 5, 9)),
    ]
    assert duplicate_rows(split)[0]._fields == ("id", "label", "split", "same_as", "conflicting")
    assert any("(the first: 0.jpg and 1.jpg); see duplicates.csv" in note for note in split.notes)
    assert duplicate_rows(assign_splits(one, [""] * 40, 0.1, 0.2, 0)[0]) == []


def test_a_duplicate_on_no_side_has_an_empty_one() -> None:
    given_sides = ["train"] * 10 + ["validation"] * 4 + ["test"] * 4
    contents = unique(18)
    contents[0] = contents[16]
    split, _ = assign_splits(table(["a", "b"] * 9, split=given_sides), contents, 0.2, 0.2, 0)
    assert duplicate_rows(split) == [("0", "a", "", "0", "false"), ("16", "a", "test", "0", "false")]


def test_groups_are_told_with_their_column() -> None:
    groups = [f"patient {row // 4}" for row in range(100)]
    split, _ = assign_splits(table(["a", "b"] * 50, group=groups), unique(100), 0.1, 0.2, 0, "patient")
    assert split.notes == ("test 20 % and validation 10 % taken from all rows, stratified by class, grouped by patient "
                           "(25 groups, none on two sides)",)
    torn = table(["a", "b"] * 20, split=["train"] * 30 + ["test"] * 10, group=["g"] * 2 + ["h"] * 2 + [None] * 34
                 + ["g", "g"])
    split, _ = assign_splits(torn, unique(40), 0.2, 0.2, 0)
    assert split.notes[1].endswith("stratified by class, grouped by group (2 groups)")


def test_groups_that_span_time_are_told() -> None:
    groups, times = [f"{row % 25}" for row in range(100)], [float(row) for row in range(100)]
    split, _ = assign_splits(table(["a", "b"] * 50, group=groups, time=times), unique(100), 0.1, 0.2, 0, "patient")
    assert split.notes == (
        "test 20 % and validation 10 % taken from all rows, grouped by patient (25 groups, none on two sides), "
        "groups ordered by their latest time",
        "the test rows are not all later than the training rows: groups span time",
    )
    apart = [f"{row // 4}" for row in range(100)]
    split, _ = assign_splits(table(["a", "b"] * 50, group=apart, time=times), unique(100), 0.1, 0.2, 0)
    assert len(split.notes) == 1 and "groups ordered by their latest time" in split.notes[0]


def test_a_test_that_is_not_later_for_other_reasons_is_told() -> None:
    times, contents = [float(row) for row in range(100)], unique(100)
    contents[3] = contents[99]
    split, _ = assign_splits(table(["a", "b"] * 50, time=times), contents, 0.1, 0.2, 0)
    assert "the test rows are not all later than the training rows: rows with the same content span time" in split.notes
    early = table(["a", "b"] * 50, time=times, split=["test"] * 20 + ["train"] * 80)
    split, _ = assign_splits(early, unique(100), 0.1, 0.2, 0)
    assert "the test rows are not all later than the training rows: the source has them so" in split.notes


def test_classes_that_are_only_asked_for_are_told_with_the_nearest_that_was_learnt() -> None:
    labels = ["bird", "cat"] * 20 + ["bird", "BIRD", "catt", "emu"] * 2
    given_sides = ["train"] * 40 + ["validation"] * 4 + ["test"] * 4
    split, _ = assign_splits(table(labels, split=given_sides), unique(48), 0.2, 0.2, 0)
    wrong = "(1 in validation and 1 in test): it cannot be learnt, every answer will be wrong."
    assert {f'no example in train of "BIRD" {wrong} Did you mean "bird"?',
            f'no example in train of "catt" {wrong} Did you mean "cat"?',
            f'no example in train of "emu" {wrong}'} <= set(split.notes)
    labels[40:] = [f"other {row}" for row in range(8)]
    split, _ = assign_splits(table(labels, split=given_sides), unique(48), 0.2, 0.2, 0)
    assert sum("cannot be learnt" in note for note in split.notes) == 3
    assert split.notes[-1].startswith('no example in train of 5 more classes: "other 3", "other 4"')
