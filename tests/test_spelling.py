"""Labels written in several ways, and those that mean that there is none."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fake_run import fake_run

from unfazed.errors import SourceError
from unfazed.spelling import Spelling, alike, as_known
from unfazed.table import Table
from unfazed.target import check_labels, decided
from unfazed.web.open import retraining

COLUMN = 'CSV table, 3 columns, labels in "y"'


def table(*labels: str | None, kind: str = COLUMN) -> Table:
    rows = [str(row) for row in range(len(labels))]
    return Table.of(pl.DataFrame({"id": rows, "input": rows, "label": labels}), "/root", kind)


def found(*labels: str | None, task: str = "auto", spelling: Spelling | None = None) -> Table:
    return decided(table(*labels), task, spelling or Spelling())


def test_numbers_that_are_equal_are_one_class_and_it_is_said() -> None:
    one = found("1", "0", "1", "1.0", "0.0", None)
    assert one.frame["label"].to_list() == ["1", "0", "1", "1", "0", None] and one.classes == ["0", "1"]
    assert one.notes == ('labels that are equal as numbers are one class: "1.0" is "1" (1), "0.0" is "0" (1)',)


@pytest.mark.parametrize("labels", [
    ("007", "7", "8"), ("1.1", "1.10", "1.2"), ("1", "1.0", "one"), ("1.0", "2.0", "2.0"),
])  # fmt: skip
def test_codes_versions_and_names_are_told_apart_as_they_are_written(labels: tuple[str, ...]) -> None:
    assert found(*labels * 2).frame["label"].to_list() == list(labels * 2)


def test_folders_that_are_numbers_stay_apart() -> None:
    assert decided(table("1", "1.0", kind="folder of class folders")).classes == ["1", "1.0"]


def test_missing_values_as_programs_write_them_are_no_labels_and_it_is_said() -> None:
    one = found("yes", "no", "unknown", "?", "NULL", "nan", "nan", "yes")
    assert one.frame["label"].to_list() == ["yes", "no", "unknown", None, None, None, None, "yes"]
    assert one.classes == ["no", "unknown", "yes"]
    assert one.notes == ('4 rows have the label "?", "nan" or "NULL": they count as rows without a label. Where that '
                         "is a class, write another word for it",)


def test_folders_called_as_missing_values_are_classes() -> None:
    assert decided(table("nan", "none", "cat", "null", kind="folder of class folders")).classes == [
        "cat", "nan", "none", "null",
    ]  # fmt: skip


@pytest.mark.parametrize("labels", [("+", "-"), ("none", "mild", "severe"), ("1", "nan"), ("yes", "None", "no")])
def test_what_may_be_a_class_stays_one_with_a_question(labels: tuple[str, ...]) -> None:
    one = found(*labels * 2)
    assert sorted(one.classes) == sorted(labels)
    assert len(one.notes) == 1 and "is taken for a class: where it means that nobody knows" in one.notes[0]


def test_what_is_no_number_among_numbers_to_predict_is_called_no_class() -> None:
    numbers = found(*(f"{row}.5" for row in range(97)), "-", "-", "-")
    assert numbers.task == "regression" and not any("taken for a class:" in note for note in numbers.notes)


def test_missing_values_do_not_hide_that_a_column_holds_numbers_or_sets() -> None:
    numbers = found(*(f"{row}.5" for row in range(30)), "NA", "?", "n/a", "null")
    assert numbers.task == "regression" and numbers.frame["label"].null_count() == 4
    sets = found("a|b", "a", "b|a", "b", "nan")
    assert sets.task == "multilabel" and sets.classes == ["a", "b"] and sets.frame["label"][4] is None


def test_classes_that_look_alike_are_asked_about() -> None:
    names = ("bird", "BIRD", "polar bear", "polar  bear", "A b", "aB", "owl")
    assert set(alike(names)) == {
        '"bird" and "BIRD" differ only in case: --merge-case makes them one class',
        '"polar bear" and "polar  bear" differ only in white space: --merge-case makes them one class',
        '"A b" and "aB" differ only in case and white space: --merge-case makes them one class',
    }
    more = list(alike([*names, "OWL", "x", "X"]))
    assert len(more) == 4 and more[3] == "2 more sets of classes differ only in case or white space"


@pytest.mark.parametrize(("task", "kind"), [("classification", COLUMN), ("auto", "folder of class folders")])
def test_classes_that_look_alike_are_one_where_that_was_asked_for(task: str, kind: str) -> None:
    labels = ("No", "no", "Yes", "No", "YES", "Yes", "maybe")
    assert decided(table(*labels, kind=kind), task).classes == ["maybe", "No", "no", "YES", "Yes"]
    one = decided(table(*labels, kind=kind), task, Spelling(merge_case=True))
    assert one.frame["label"].to_list() == ["No", "No", "Yes", "No", "Yes", "Yes", "maybe"]
    assert one.classes == ["maybe", "No", "Yes"] and not list(alike(one.classes))
    assert one.notes[-1].startswith('labels that differ only in case or white space are one class: "no" is "No" (1)')


def test_a_class_of_one_example_that_looks_like_another_is_told_with_the_way_out() -> None:
    with pytest.raises(SourceError, match='"No" and "no" differ only in case: --merge-case makes them one class.$'):
        check_labels(found("no", "no", "No", "yes", "yes", "maybe"))
    with pytest.raises(SourceError, match="remove its row.$"):
        check_labels(found("no", "no", "NO", "NO", "yes", "yes", "maybe"))


def test_sets_of_labels_that_look_alike_are_one() -> None:
    one = found("Sea|sun", "sea", "Sun|sea", "sun", "", task="multilabel", spelling=Spelling(merge_case=True))
    assert one.classes == ["sea", "sun"]
    assert one.frame["label"].to_list() == ["sea|sun", "sea", "sea|sun", "sun", ""]


def test_labels_held_against_a_model_get_the_spelling_of_its_classes() -> None:
    model = Spelling(known=["0", "1"])
    assert found("1.0", "0.0", "x", "nan", spelling=model).frame["label"].to_list() == ["1", "0", "x", None]
    named = Spelling(merge_case=True, known=["No", "YES"])
    assert found("no", "NO", "yes", "?", spelling=named).frame["label"].to_list() == ["No", "No", "YES", None]
    truth = Spelling(known=["false", "true"])
    assert found("True", "FALSE", spelling=truth).frame["label"].to_list() == ["true", "false"]
    assert found("True", "true").classes == ["True", "true"], "whether they are one is asked at training"
    old = Spelling(known=["1", "1.0", "nan"])
    assert found("1.0", "1", "nan", spelling=old).frame["label"].to_list() == ["1.0", "1", "nan"]


@pytest.mark.parametrize(("merge", "classes", "said", "meant"), [
    (True, ["No", "Yes"], ["no", "YES", "new", "No", "\0", ""], ["No", "Yes", "new", "No", "\0", ""]),
    (False, ["No", "Yes"], ["no", "Yes"], ["no", "Yes"]),
    (False, ["0", "1"], ["1.0", "2"], ["1", "2"]),
    (False, ["false", "true"], ["TRUE", "False", "yes"], ["true", "false", "yes"]),
    (False, ["False", "True"], ["true", "False"], ["True", "False"]),
    (False, ["False", "True", "true"], ["TRUE", "true"], ["TRUE", "true"]),
    (False, ["False", "Maybe", "True"], ["true"], ["true"]),
    (False, ["True", "true"], ["TRUE"], ["TRUE"]),
])  # fmt: skip
def test_what_people_said_since_is_spelt_as_the_classes_are(
    merge: bool, classes: list[str], said: list[str], meant: list[str]
) -> None:
    assert as_known(said, table(*classes), merge) == meant


def test_a_set_of_no_labels_that_a_person_gave_stays_one() -> None:
    sets: Any = decided(table("Sea|sun", "sun", "Sea"), "multilabel")
    assert as_known(["|", "SUN|sea"], sets, merge_case=True) == ["|", "Sea|sun"]


@pytest.mark.parametrize("merge", [True, False])
def test_the_command_that_trains_again_merges_what_was_merged(merge: bool, tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", origin={"source": "t.csv", "options": {"merge_case": merge, "header": True}})
    said = retraining(run.path, tmp_path / "new.csv").split()
    assert said[:4] == ["unfazed", "train", "t.csv", "--merge-case" if merge else "--recipe"]
    assert not {"True", "False"} & set(said)
