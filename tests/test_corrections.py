"""Corrected labels are applied where they fit, refused with the reason elsewhere, and move nobody to another side."""

import csv
import io
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import trained

import unfazed
from unfazed.analysis.calibration import scaled
from unfazed.corrections import (
    COLUMNS,
    FILE,
    Correction,
    Outcome,
    applied_in,
    correct,
    kept_lines,
    outcomes_in,
    read_corrections,
    valid_label,
)
from unfazed.errors import RunError, SourceError, UsageError
from unfazed.files import as_csv
from unfazed.labelled import read_labels
from unfazed.recipe import Recipe
from unfazed.run import Run
from unfazed.table import Table
from unfazed.target import decided


def one(name: str = "a", **changes: str) -> Correction:
    fields = {"id": name, "input": name, "label": "cat", "corrected": "dog", "action": "relabel", "who": "ada",
              "when": "2026-11-22T10:00:00+00:00", "why": "", "sha256": f"hash of {name}", "run": "/run"}  # fmt: skip
    return Correction(**fields | changes)


def animals(labels: str = "cat cat cat dog dog cat", **columns: Any) -> Table:
    names = list("abcdefgh")[: len(labels.split())]
    sides = ["train", "train", "validation", "train", "validation", "test"]
    frame = pl.DataFrame({"id": names, "input": names, "label": labels.split(), "split": sides[: len(names)],
                          "sha256": [f"hash of {name}" for name in names], **columns})  # fmt: skip
    return Table.of(frame, "/root", 'CSV table, labels in "label"')


def written(path: Path, *corrections: Correction) -> Path:
    path.write_text(as_csv(Correction._fields, corrections))
    return path


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    said = [one(why='a "quoted",\nline'), one("b", action="drop", corrected=""), one("c", who="Øyvind 🦊")]
    assert read_corrections(written(tmp_path / FILE, *said)) == said


def test_a_file_is_read_as_spreadsheets_of_many_countries_write_it(tmp_path: Path) -> None:
    said = [one(who="Jürgen", why="a, b"), one("b", input="word " * 40_000)]
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([Correction._fields, *said])
    (tmp_path / FILE).write_bytes(text.getvalue().encode("cp1252"))
    assert read_corrections(tmp_path / FILE) == said


def test_lines_of_blank_cells_are_none(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,corrected\n,\na,dog\n , \n   \n,,,,\n")
    assert [each.id for each in read_corrections(tmp_path / "c.csv")] == ["a"]
    (tmp_path / "labels.csv").write_text("input,label\nfine,good\n,,,\n")
    assert [each.input for each in read_labels(tmp_path / "labels.csv")] == ["fine"]
    (tmp_path / "c.csv").write_text("id,corrected\na,dog,cat\n")
    with pytest.raises(UsageError, match="line 2: more values than columns"):
        read_corrections(tmp_path / "c.csv")


def test_what_a_run_keeps_may_hold_long_inputs(tmp_path: Path) -> None:
    outcomes = [Outcome(one(input="word " * 40_000), "")]
    (tmp_path / FILE).write_text(as_csv(COLUMNS, kept_lines(outcomes)), newline="")
    assert outcomes_in(tmp_path) == outcomes


def test_labels_change_rows_go_and_sides_stay() -> None:
    found = correct(animals(), [one("a"), one("c", action="drop"), one("f"), one("b", action="keep")])
    labels = dict(found.table.frame.select("id", "label").iter_rows())
    assert labels == {"a": "dog", "b": "cat", "d": "dog", "e": "dog", "f": "dog"}
    assert found.table.frame["split"].to_list() == ["train", "train", "train", "validation", "test"]
    assert found.kept.tolist() == [0, 1, 3, 4, 5]
    assert not any(refused for _, refused in found.outcomes)


def test_classes_follow_the_labels() -> None:
    table = correct(animals("cat cat cat dog dog eel"), [one("f", label="eel", corrected="fox")]).table
    assert table.classes == ["cat", "dog", "fox"]
    assert any('a new class from corrections, "fox"' in note for note in table.notes)
    assert any('without an example after corrections: "eel"' in note for note in table.notes)


def test_sets_of_labels_are_put_into_one_order_and_their_parts_are_the_classes() -> None:
    table = replace(animals("cat cat|dog cat dog dog cat"), classes=["cat", "dog"], task="multilabel")
    found = correct(table, [one("b", label="cat|dog", corrected="eel| cat")]).table
    assert found.frame["label"].to_list()[1] == "cat|eel" and found.classes == ["cat", "dog", "eel"]


def prices(*labels: str) -> Table:
    return decided(animals(" ".join(labels)), "regression")


def test_numbers_are_read_as_those_of_a_column_are() -> None:
    table = prices("350,000", "999", "1,250,000", "5", "7", "9")
    typed = [one("a", label="350000", corrected="360,000"), one("b", label="999", corrected="$1,001")]
    assert correct(table, typed).table.targets().tolist() == [360_000, 1001, 1_250_000, 5, 7, 9]
    german = [one("a", label="350000", corrected="3,5"), one("b", label="999", corrected="1,001")]
    assert correct(table, german).table.targets().tolist()[:2] == [3.5, 1.001]


def test_a_correction_by_hand_may_say_the_number_as_the_source_has_it() -> None:
    table = prices("3,5", "4,25", "1.234,5", "5", "7", "9")
    assert correct(table, [one("c", label="1.234,5", corrected="1,5")]).table.targets().tolist()[2] == 1.5


def test_a_number_that_a_person_types_is_kept_as_tables_have_it() -> None:
    assert [valid_label(text, "here", "regression") for text in ("3,5", "1,250.5", "12 €")] == ["3.5", "1250.5", "12"]


def test_a_number_that_may_be_another_one_where_the_source_has_decimal_commas_is_refused() -> None:
    table = prices("3,5", "4,25", "1.234,5", "5", "7", "9")
    for typed in ("1,234", "1.234"):
        with pytest.raises(UsageError, match=f'"{typed}" may be .* Write (1234 or 1.2340|1.2340 or 1234)$'):
            correct(table, [one("a", label="3.5", corrected=typed, run="")])
        with pytest.raises(UsageError, match='"1.234" may be|"1,234" may be'):
            valid_label(typed, "here", "regression", table.decimal)
    both = [one("a", label="3.5", corrected="1,234", run=""), one("b", label="4.25", corrected="1,5", run="")]
    assert correct(table, both).table.targets().tolist()[:2] == [1.234, 1.5]


def test_pages_write_numbers_with_a_point_and_a_run_keeps_what_was_applied() -> None:
    table = prices("3,5", "4,25", "1.234,5", "5", "7", "9")
    done = correct(table, [one("a", label="3.5", corrected="351.234"), one("b", label="4.25", corrected="1.234,5")])
    assert done.table.targets().tolist()[:2] == [351.234, 1234.5]
    assert [one.corrected for one, _ in done.outcomes] == ["351.234", "1234.5"]


def test_labels_of_a_set_that_the_source_has_need_not_be_what_a_person_may_type() -> None:
    odd = "zoo\u00a0gate"
    labels = ["cat", f"dog|{odd}", "cat", "dog", "dog", "cat"]
    table = replace(animals(), classes=["cat", "dog", odd], task="multilabel")
    table = replace(table, frame=table.frame.with_columns(pl.Series("label", labels)))
    found = correct(table, [one("b", label=labels[1], corrected=f"{odd}|cat")])
    assert found.table.frame["label"][1] == f"cat|{odd}" and not found.outcomes[0].refused
    with pytest.raises(UsageError, match="printable"):
        correct(table, [one("b", label=labels[1], corrected="a\u200bb|cat")])
    mended = [one("b", label="of before", corrected=f"{odd}|dog"), one("a")]  # as the source has it, in another order
    assert not correct(table, mended).outcomes[0].refused


def test_the_order_of_a_set_is_no_disagreement_and_another_set_is(tmp_path: Path) -> None:
    for labels, agree in ((["a|b", "b|a"], True), (["a|b", "a|c"], False)):
        file = written(tmp_path / "said.csv", *(one("x", corrected=label) for label in labels))
        if agree:
            assert len(read_corrections(file)) == 1
        else:
            with pytest.raises(UsageError, match="decides twice"):
                read_corrections(file)


def test_a_label_at_least_is_left() -> None:
    table = replace(animals("a a a a a a"), task="multilabel")
    with pytest.raises(SourceError, match="leave no label"):
        correct(table, [one(name, label="a", corrected="|") for name in "abcdef"])


@pytest.mark.parametrize(
    ("misfit", "reason"),
    [
        (one("zebra"), "no such example"),
        (one("b", sha256="another"), "its content is not"),
        (one("b", sha256=""), "its content is not"),
        (one("d", corrected="fox"), 'is now "dog", not "cat"'),
        (one("d", action="drop"), 'is now "dog", not "cat"'),
    ],
)
def test_what_does_not_fit_is_named_and_not_applied(misfit: Correction, reason: str) -> None:
    found = correct(animals(), [one("a"), misfit])
    assert found.table.frame["label"].to_list() == ["dog", "cat", "cat", "dog", "dog", "cat"]
    assert reason in found.outcomes[1].refused
    assert any(misfit.id in note and reason in note for note in found.table.notes)
    with pytest.raises(SourceError, match="none of the 1 corrections fits"):
        correct(animals(), [misfit])


def test_a_label_that_the_source_has_corrected_itself_is_no_conflict() -> None:
    assert correct(animals(), [one("d")]).outcomes[0].refused == ""


def test_a_new_label_that_is_the_old_one_keeps_it(tmp_path: Path) -> None:
    """By hand, as a page writes it, of sets and of numbers; what the source has corrected since stays corrected."""
    (tmp_path / "c.csv").write_text("id,corrected\na,cat\nb,dog\n")
    found = correct(animals(), [*read_corrections(tmp_path / "c.csv"), one("c", corrected="cat"), one("d")])
    assert found.table.frame["label"].to_list() == ["cat", "dog", "cat", "dog", "dog", "cat"]
    assert [each.correction.action for each in found.outcomes] == ["keep", "relabel", "keep", "relabel"]
    assert found.outcomes[0].correction.corrected == "cat" and not any(each.refused for each in found.outcomes)
    assert "new labels that the source has already: 3" in found.table.notes
    assert "labels corrected by ada: 1 changed, 0 dropped; sides as before" in found.table.notes
    frame = animals().frame.with_columns(label=pl.Series(["", *["a|b"] * 5]))
    sets = decided(replace(animals(), frame=frame), "multilabel")
    said = [one("a", label="", corrected="|"), one("b", label="a|b", corrected="b|a")]
    assert [each.correction.action for each in correct(sets, said).outcomes] == ["keep", "keep"]
    assert correct(sets, said).table.frame.equals(sets.frame)
    numbers = replace(animals("1.5 2 3 4 5 6"), task="regression", decimal=",")
    assert correct(numbers, [one("a", label="1,5", corrected="1.50")]).outcomes[0].correction.label == "1.5"
    with_misfit = correct(animals(), [one("a", corrected="cat"), one("zebra")])
    assert [bool(each.refused) for each in with_misfit.outcomes] == [False, True], "one of them fits"


def test_no_side_may_lose_all_of_its_rows() -> None:
    with pytest.raises(SourceError, match="every row of test"):
        correct(animals(), [one("f", action="drop")])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace("relabel", "relable", 1), 'line 2: the action is "relable".*Did you mean "relabel"'),
        (lambda text: text.replace(",dog,", ", ,", 1), "line 2: .* the corrected label is empty"),
        (lambda text: text.replace("sha256", "sha", 1), 'lacks the columns "sha256"'),
        (lambda text: text.replace("\r\na,", "\r\n,", 1), "line 2: it has no id"),
        (lambda text: text + text.splitlines()[1].replace("dog", "eel") + "\r\n", 'twice about "a": .*dog.*eel'),
        (lambda text: text + "a,b,c,d,e,f,g,h,i,j,k,l\r\n", "line 3: more values than columns"),
        (lambda text: "\0" + text, "lacks the columns|cannot be read"),
    ],
)
def test_a_damaged_file_is_one_message(change: Any, reason: str, tmp_path: Path) -> None:
    path = written(tmp_path / FILE, one("a"))
    path.write_text(change(path.read_bytes().decode()), newline="")
    with pytest.raises(UsageError, match=reason):
        read_corrections(path)


def test_ids_and_new_labels_are_enough_by_hand(tmp_path: Path) -> None:
    """What is not said is not checked, and the run keeps what it was applied to."""
    path = tmp_path / FILE
    path.write_text("id,corrected\na,dog\nd,cat\nzebra,cat\n")
    found = correct(animals(), read_corrections(path))
    assert found.table.frame["label"].to_list() == ["dog", "cat", "cat", "cat", "dog", "cat"]
    kept = [(one.label, one.action, one.who, one.sha256) for one, _ in found.outcomes]
    assert kept == [
        ("cat", "relabel", "", "hash of a"), ("dog", "relabel", "", "hash of d"), ("", "relabel", "", "")
    ]  # fmt: skip
    assert [bool(why) for _, why in found.outcomes] == [False, False, True]
    assert "labels corrected: 2 changed, 0 dropped; sides as before" in found.table.notes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id,label,corrected\nd,cat,fox\n", 'is now "dog", not "cat"'),
        ("id,sha256,corrected\nd,another,fox\n", "its content is not"),
        ("id,sha256,corrected\nd,,fox\n", "its content is not"),
    ],
)
def test_what_a_file_by_hand_says_is_checked(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SourceError, match=reason):
        correct(animals(), read_corrections(tmp_path / FILE))


@pytest.mark.parametrize("text", ["id,new\na,dog\n", "id,corrected,lable\na,dog,cat\n", "corrected\ndog\n"])
def test_a_file_by_hand_with_other_columns_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UsageError, match='lacks the columns "(id|corrected|input)".*"id", "corrected" are enough'):
        read_corrections(tmp_path / FILE)


def test_people_are_named_in_one_order() -> None:
    from unfazed.verb.corrected import effect

    said = [one("a", who="bo"), one("b", who="bo"), one("c", who="ada"), one("f", who="Ada")]
    found = correct(animals(), said)
    assert any(note.startswith("labels corrected by Ada, ada, bo:") for note in found.table.notes)
    facts = effect(found.outcomes, found.table, np.full((6, 2), 0.5), Recipe())
    assert facts is not None and list(facts["who"].items()) == [("Ada", 1), ("ada", 1), ("bo", 2)]


def test_files_of_two_people_may_agree(tmp_path: Path) -> None:
    path = written(tmp_path / FILE, one("a"), one("a", who="bo"))
    assert [found.who for found in read_corrections(path)] == ["ada"]


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unfazed review RUN --export"):
        read_corrections(tmp_path / FILE)


def test_a_run_keeps_what_became_of_each(tmp_path: Path) -> None:
    outcomes = [Outcome(one("a"), ""), Outcome(one("b"), "its content is not it"), Outcome(one("c", action="keep"), "")]
    (tmp_path / FILE).write_text(as_csv(COLUMNS, kept_lines(outcomes)))
    assert outcomes_in(tmp_path) == outcomes
    assert [found.id for found in applied_in(tmp_path)] == ["a", "c"]
    with (tmp_path / FILE).open(newline="") as file:
        assert [line["applied"] for line in csv.DictReader(file)] == [
            "yes", "no: its content is not it", "nothing to apply"]  # fmt: skip
    (tmp_path / FILE).write_text("nonsense")
    with pytest.raises(RunError, match="damaged"):
        outcomes_in(tmp_path)


def corrections_of(run: Run, count: int = 40) -> list[Correction]:
    """Every label of the first rows moved on to the next class; one row dropped."""
    table, classes = run.table(), run.classes
    found = []
    for about in table.frame.head(count).iter_rows(named=True):
        label = classes[(classes.index(about["label"]) + 1) % len(classes)]
        found.append(one(about["id"], label=about["label"], corrected=label, sha256=about["sha256"], run=str(run.path)))
    return [found[0]._replace(action="drop", corrected=""), *found[1:]]


def test_training_again_applies_them_keeps_the_sides_and_says_who(tmp_path: Path) -> None:
    before = trained.run()
    path = written(tmp_path / FILE, *corrections_of(before))
    run = unfazed.train(
        trained.source(), out=tmp_path / "run", corrections=str(path), progress=False, **trained.SETTINGS
    )
    now, was = (
        {name: rest for name, *rest in each.table().frame.select("id", "label", "split").iter_rows()}
        for each in (run, before)
    )
    dropped, *changed = corrections_of(before)
    assert set(was) - set(now) == {dropped.id}
    assert all(now[each.id] == [each.corrected, was[each.id][1]] for each in changed)
    untouched = set(now) - {each.id for each in changed}
    assert all(now[name] == was[name] for name in untouched), "nobody else may move"
    assert {(each.who, each.when) for each in applied_in(run.path)} == {("ada", "2026-11-22T10:00:00+00:00")}
    facts = run.report["corrections"]
    assert (facts["relabelled"], facts["dropped"], facts["who"]) == (39, 1, {"ada": 40})
    test = {name for name in untouched if now[name][1] == "test"}
    assert facts["audit"]["difference"]["n"] == len(test) > 10
    assert facts["audit"]["settings"] == []
    sides = dict(before.table().frame.select("id", "split").iter_rows())
    rest = facts["held_out"]
    assert rest["relabelled"] == sum(sides[each.id] == "test" for each in changed)
    assert rest["dropped"] == (sides[dropped.id] == "test") and rest["untouched"]["n"] == len(test)
    assert any("39 labels were corrected by ada, 1 example" in line["text"] for line in run.report["verdict"])


def test_a_resumed_run_notices_changed_corrections(tmp_path: Path) -> None:
    from unfazed.loop import Step
    from unfazed.verb.train import resumed_events, separated, training_events

    said = corrections_of(trained.run())
    path = written(tmp_path / FILE, *said)
    options, recipe = separated({"corrections": str(path), **trained.SETTINGS}, None)
    out = tmp_path / "run"
    events = training_events(trained.source(), options, recipe, out)
    for event in events:
        if isinstance(event, Step) and event.number == 2:
            with pytest.raises(KeyboardInterrupt):
                events.throw(KeyboardInterrupt())
            break
    written(path, *said[:-1])
    with pytest.raises(SourceError, match="the corrections are not those"):
        list(resumed_events(out))
    written(path, *said)
    shutil.copytree(out, tmp_path / "copy")
    finished = unfazed.resume(out, progress=False)
    assert finished.report["corrections"]["relabelled"] == 39


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    from unfazed.verb.corrected import effect

    run = trained.run()
    table, probs = run.table(), run.scores()["probs"]
    said = corrections_of(run)
    for changed, reason in (
        ([each._replace(run="") for each in said], "do not say which run"),
        ([each._replace(run=f"/nowhere/{number % 2}") for number, each in enumerate(said)], "from 2 runs"),
        ([each._replace(run=str(tmp_path / "gone")) for each in said], "there is no run folder"),
    ):
        facts = effect([Outcome(each, "") for each in changed], table, probs, run.recipe)
        assert facts is not None and reason in facts["audit"]["missing"]
    of_sets = replace(table, task="multilabel")
    facts = effect([Outcome(each, "") for each in said], of_sets, probs, run.recipe)
    assert facts is not None and "another task" in facts["audit"]["missing"]
    every = [one(name, run=str(run.path)) for name in table.frame["id"]]
    facts = effect([Outcome(each, "") for each in every], table, probs, run.recipe)
    assert facts is not None and "labels that nobody touched" in facts["audit"]["missing"]


def test_the_comparison_is_of_untouched_rows_alone(tmp_path: Path) -> None:
    """A run that is right about every untouched row and wrong about each touched one is better by what it mends."""
    from unfazed.verb.corrected import effect

    run = trained.run()
    table, y = run.table(), run.table().y()
    probs = np.full((len(y), len(run.classes)), 0.01, np.float32)
    probs[np.arange(len(y)), y] = 0.97
    test = table.rows("test")
    touched = test[:10]
    probs[touched] = probs[touched][:, ::-1]
    said = [Outcome(one(table.frame["id"][int(row)], run=str(run.path)), "") for row in touched]
    facts = effect(said, table, probs, run.recipe)
    was = run.scores()["probs"].argmax(1) == y
    assert facts is not None
    assert facts["audit"]["after"]["value"] == 1 and facts["audit"]["after"]["n"] == len(test) - 10
    assert facts["audit"]["before"]["value"] == pytest.approx(was[test[10:]].mean())


def test_only_what_the_earlier_run_had_not_is_said_to_have_changed_anything(tmp_path: Path) -> None:
    """A run's review adds to the corrections that it was trained with: these cannot be what it is compared for."""
    from unfazed.report.corrected import verdict_on_corrections
    from unfazed.verb.corrected import effect

    run = Run(shutil.copytree(trained.run().path, tmp_path / "second"))
    table, probs = run.table(), run.scores()["probs"]
    said = [one(name, run=str(run.path)) for name in table.frame["id"].head(5)]
    first = [*said[:3], said[3]._replace(corrected="another"), said[4]._replace(action="keep", corrected="")]
    written(run.path / FILE, *first)
    facts = effect([Outcome(each, "") for each in said], table, probs, run.recipe)
    assert facts is not None and facts["audit"]["had"] == 3
    sentence = verdict_on_corrections({**run.report, "corrections": facts})
    assert sentence is not None
    assert "second had 3 of these 5 corrections already: compared is what 2 changed. On " in sentence[1]
    (run.path / FILE).unlink()
    facts = effect([Outcome(each, "") for each in said], table, probs, run.recipe)
    assert facts is not None and facts["audit"]["had"] == 0
    assert "already" not in verdict_on_corrections({**run.report, "corrections": facts})[1]  # type: ignore[index]
    assert verdict_on_corrections({**run.report, "corrections": {**facts, "relabelled": 0}}) is None


def test_corrected_test_rows_are_told_of_beside_what_the_others_say(tmp_path: Path) -> None:
    """Of the test rows the ten that the model gets wrong are relabelled to what it says, and three were dropped."""
    from unfazed.report.card import card
    from unfazed.report.facts import facts
    from unfazed.verb.corrected import effect

    run = Run(shutil.copytree(trained.run().path, tmp_path / "run"))
    table, y = run.table(), run.table().y()
    probs = np.full((len(y), len(run.classes)), 0.01, np.float32)
    probs[np.arange(len(y)), y] = 0.97
    test = table.rows("test")
    said = [Outcome(one(table.frame["id"][int(row)], run=str(run.path)), "") for row in test[:10]]
    probs[test[10:15]] = probs[test[10:15]][:, ::-1]
    found = effect(said, table, probs, run.recipe, {"train": 7, "test": 3})
    rest = found["held_out"]
    assert (rest["relabelled"], rest["dropped"], rest["metric"]) == (10, 3, "accuracy")
    assert rest["untouched"]["n"] == len(test) - 10
    assert rest["untouched"]["value"] == pytest.approx(1 - 5 / (len(test) - 10))
    run.write_json("measurements.json", {**run.measurements, "corrections": {**found, "dropped": 10}})
    told = facts(Run(run.path))
    first = told["verdict"][0]
    assert first["tone"] == "caution" and "10 relabelled and 3 dropped" in first["text"]
    assert f"n = {len(test) - 10}) right" in first["text"]
    assert "10 labels were corrected, and 10 examples dropped" in card(told) and "Labels were taken" not in card(told)
    elsewhere = {**found, "held_out": {**rest, "relabelled": 0, "dropped": 0}}
    run.write_json("measurements.json", {**run.measurements, "corrections": elsewhere})
    assert "looked at" not in facts(Run(run.path))["verdict"][0]["text"], "training labels flatter no test"


def test_corrections_of_a_run_hold_where_it_is_evaluated_on_its_source(tmp_path: Path) -> None:
    run = Run(shutil.copytree(trained.run().path, tmp_path / "run"))
    table, test = run.table(), run.table().rows("test")
    names, labels, contents = (table.frame[name].to_list() for name in ("id", "label", "sha256"))
    turned = {label: run.classes[number - 1] for number, label in enumerate(run.classes)}
    about = [one(names[row], label=labels[row], corrected=turned[labels[row]], sha256=contents[row]) for row in test]
    dropped = [each._replace(action="drop", corrected="") for each in about[:3]]
    refused = Outcome(about[3], "its content is not the one that was looked at")
    outcomes = [refused, *(Outcome(each, "") for each in [*dropped, *about[4:9]])]
    run.write_csv(FILE, COLUMNS, kept_lines(outcomes))
    for row in test[4:9]:
        labels[row] = turned[labels[row]]
    corrected = replace(table, frame=table.frame.with_columns(label=pl.Series(labels)))
    run.write_table(corrected.where(np.delete(np.arange(len(table)), test[:3])))
    told, before = (unfazed.evaluate(each, trained.source()) for each in (Run(run.path), trained.run()))
    assert (told["dropped"], told["relabelled"], told["seen"]) == (3, 5, before["seen"])
    assert told["rows"] == told["own_test"] == before["rows"] - 3
    right = run.scores()["probs"][test].argmax(1) == corrected.y()[test]
    assert told["metrics"]["accuracy"]["value"] == pytest.approx(right[3:].mean())


def test_runs_that_say_the_same_differ_in_nothing() -> None:
    """Both sides of the comparison are calibrated, as everything that the report says of probabilities is."""
    from unfazed.verb.corrected import effect

    run = trained.run()
    table, probs = run.table(), scaled(run.scores()["probs"], run.temperature.value)
    said = [Outcome(one(table.frame["id"][0], run=str(run.path)), "")]
    facts = effect(said, table, probs, run.recipe)
    assert facts is not None and run.temperature.value != 1
    assert facts["audit"]["bits_less"]["value"] == facts["audit"]["difference"]["value"] == 0


def test_kept_corrections_that_cannot_be_opened_are_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "corrections.csv").mkdir()
    with pytest.raises(RunError, match=r"corrections\.csv cannot be read: Is a directory"):
        outcomes_in(tmp_path)
