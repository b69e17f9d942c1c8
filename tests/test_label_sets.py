"""Sets of labels in a source: what is taken for one, what empty and null mean, how rows are put on sides."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from unfazed.errors import SourceError
from unfazed.label_sets import are_sets, parts
from unfazed.modality.text import find
from unfazed.source import SourceOptions, usable
from unfazed.split import described, draw_splits
from unfazed.table import Table, describe
from unfazed.target import check_labels, decided

TEXT = "a text of several words, number"


def frame(labels: Any) -> pl.DataFrame:
    texts = [f"{TEXT} {row}" for row in range(len(labels))]
    return pl.DataFrame({"text": texts, "tags": labels}, strict=False)


def found(source: Any, task: str = "auto", **options: Any) -> Table:
    return decided(find(source, SourceOptions(target="tags", **options)), task)


def labels(table: Table) -> list[str | None]:
    return table.frame["label"].to_list()


@pytest.mark.parametrize(
    "texts, expected",
    [
        (["a", "b", "a|b"] * 10, True),
        (["action|comedy", "comedy|drama", "drama", "action|drama"] * 5, True),
        (["cat", "dog"] * 50 + ["cat|dog"], False),
        (["yes|no", "maybe"] * 20, False),
        (["animals|cats", "animals|dogs", "plants|trees", "plants|roses"] * 10, False),
        (["a", "b"] * 10, False),
        ([f"name {row}|{row}" for row in range(40)], False),
        ([], False),
    ],
    ids=["pairs", "genres", "one row", "a free label", "paths", "no separator", "identifiers", "nothing"],
)
def test_text_is_a_set_where_its_parts_come_back(texts: list[str], expected: bool) -> None:
    assert are_sets(texts) is expected


def test_parts_are_trimmed_and_named_once() -> None:
    assert parts(" b |a||a | e\u0301") == ["b", "a", "\u00e9"]


def test_sets_as_text_are_recognised_and_said_aloud(tmp_path: Path) -> None:
    frame(["b|a", "a", "", "b| c", "c|a"] * 6).write_csv(tmp_path / "t.csv")
    table = found(tmp_path / "t.csv")
    assert table.task == "multilabel" and table.classes == ["a", "b", "c"]
    assert labels(table)[:5] == ["a|b", "a", "", "b|c", "a|c"]
    assert table.indicators()[:3].tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert "--task classification" in table.notes[0]
    assert '6 empty cells are taken for "none of the labels"' in table.notes[1]
    assert "30 examples with any of 3 labels" in describe(table) and "6 with none" in describe(table)


def test_a_null_is_unlabelled_where_it_can_be_told_from_an_empty_text() -> None:
    table = found(frame(["a|b", "a", "", None, "b"] * 6))
    assert labels(table)[2:4] == ["", None]
    assert np.isnan(table.indicators()[3]).all() and table.y()[3] == -1
    assert "6 without a label" in describe(table)


def test_lists_are_sets_and_an_empty_one_has_none_of_them(tmp_path: Path) -> None:
    source = frame([["b", "a"], ["a"], [], None, ["b", None]] * 6)
    source.write_parquet(tmp_path / "t.parquet")
    source.write_ndjson(tmp_path / "t.jsonl")
    for one in (source, tmp_path / "t.parquet", tmp_path / "t.jsonl", source.to_pandas()):
        table = found(one)
        assert table.task == "multilabel" and 'lists of labels in "tags"' in table.kind
        assert labels(table)[:5] == ["a|b", "a", "", None, "b"]
    assert found(frame([[3, 1], [1], []] * 6)).classes == ["1", "3"]


def test_a_list_whose_label_holds_the_separator_is_refused() -> None:
    with pytest.raises(SourceError, match=r'the label "a\|b" in column "tags".*another character'):
        found(frame([["a|b", "c"], ["c"]] * 6))


def test_lists_of_what_is_no_label_are_refused() -> None:
    with pytest.raises(SourceError, match="lists of text or of whole numbers"):
        found(frame([[0.5], [0.25, 1.0]] * 6))


def test_the_task_can_be_named_either_way() -> None:
    sets = ["a|b", "a", "b|c", "c", ""] * 6
    as_classes = found(frame(sets), "classification")
    assert as_classes.task == "classification" and set(as_classes.classes) == {"a|b", "a", "b|c", "c"}
    assert labels(as_classes)[4] is None, "an empty label is none"
    assert found(frame(["cat", "dog|cat"] * 6), "multilabel").classes == ["cat", "dog"]


def test_labels_that_only_look_like_sets_stay_whole_and_are_told_of() -> None:
    table = found(frame(["yes|no", "maybe", "never"] * 10))
    assert table.task == "classification" and "yes|no" in table.classes
    assert "--task multilabel" in table.notes[-1] and '"yes|no"' in table.notes[-1]


def test_there_must_be_something_to_tell_apart() -> None:
    check_labels(found(frame([["a"], ["a"], [], []])))
    for lists in ([["a"]] * 6, [["a"], ["b"], [], []], [[], []]):
        with pytest.raises(SourceError, match="nothing to tell apart|no row .* has a label"):
            check_labels(found(frame(pl.Series(lists, dtype=pl.List(pl.String)))))


def test_a_table_of_sets_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = found(frame([["b", "a"], [], None] * 6))
    table.write(tmp_path / "table.parquet")
    same = Table.read(tmp_path / "table.parquet")
    assert same.task == "multilabel" and same.classes == ["a", "b"] and labels(same) == labels(table)
    assert same.counts().tolist() == [6, 6] and same.outputs == 2


def test_sides_have_the_rare_labels_too() -> None:
    generator = np.random.default_rng(0)
    sets = [
        [name for name, share in (("common", 0.7), ("usual", 0.3), ("rare", 0.02)) if generator.random() < share]
        for _ in range(1000)
    ]
    table = found(frame(sets))
    rare = int(table.counts()[1])
    divided, _ = described(*draw_splits(table, [f"content {row}" for row in range(1000)], 0.1, 0.2, seed=0))
    on = {split: divided.where(divided.rows(split)).counts()[1] for split in ("train", "validation", "test")}
    assert abs(on["test"] - 0.2 * rare) <= 1 and abs(on["validation"] - 0.1 * rare) <= 1
    assert any("stratified by the rarest label of each row" in note for note in divided.notes)


def test_a_label_that_no_training_row_has_is_told_of() -> None:
    sets = [["a"], ["b"], [], ["a", "b"]] * 6 + [["a", "late"]] * 2
    source = frame(sets).with_columns(split=pl.Series(["train"] * 16 + ["validation"] * 4 + ["test"] * 6))
    divided, _ = described(*draw_splits(found(source), [str(row) for row in range(26)], 0.1, 0.2, seed=0))
    assert any('no example in train of "late" (2 in test)' in note for note in divided.notes)


def test_copies_under_other_sets_are_conflicting_though_their_rarest_label_is_the_same() -> None:
    table = found(frame([["a"], ["a", "b"], ["b"], []] * 6))
    content = ["same", "other", *(str(row) for row in range(22))]
    content[3] = "same"  # an empty set beside ["a"]
    content[5] = "other"  # ["a", "b"] again
    _, duplicates = described(*draw_splits(table, content, 0.2, 0.2, seed=0))
    assert (duplicates.count, duplicates.conflicting) == (4, 2)


def test_a_label_of_unreadable_rows_alone_is_left_out() -> None:
    table = found(frame([["a"], ["b"], []] * 6 + [["lost"]] * 2))
    kept = usable(table, [None] * 18 + ["damaged"] * 2)
    assert kept.classes == ["a", "b"] and any("lost" in note for note in kept.notes)
