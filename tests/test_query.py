"""What is worth labelling next: of every kind of data, without what is labelled already; and what becomes of it."""

import csv
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import trained
from commands import within
from PIL import Image

import unfazed
from unfazed.cli import main
from unfazed.errors import InputError, RunError, UsageError
from unfazed.files import as_csv
from unfazed.labelled import Labelled, read_labels
from unfazed.predictor import Predictor
from unfazed.report.events import Notice
from unfazed.report.query import left_out, reasons
from unfazed.run import Run
from unfazed.verb import queries
from unfazed.verb.unlabelled import inputs_of
from unfazed.web.labelling import Labelling
from unfazed.web.open import exported, retraining, static_file
from unfazed.web.review import Review


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 digits that the run has not seen, one of them twice, and one file that is none."""
    folder = trained.digits(tmp_path_factory.mktemp("pool") / "new", first=400, count=80)
    first = next(folder.rglob("*.png"))
    shutil.copy(first, folder / "copy.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.open(shutil.copytree(trained.run().path, tmp_path / "run"))


@pytest.mark.parametrize("by", ["both", "uncertainty", "diversity"])
def test_the_list_is_as_long_as_asked_and_says_why(by: str, pool: Path) -> None:
    found = unfazed.query(trained.run(), pool, count=12, by=by)
    frame = found.frame
    assert frame["rank"].to_list() == list(range(1, 13)) and frame["sha256"].n_unique() == 12
    assert (found.pool, found.repeated, found.known) == (80, 1, 0)
    assert [name for name, _ in found.problems] == [str(pool / "broken.png")]
    assert all(Path(path).is_file() for path in frame["input"]) and all(frame["reason"])
    assert frame["predicted"].is_in([f"digit {k}" for k in range(4)]).all()
    table = trained.run().table()
    assert set(table.frame["split"].gather(frame["neighbours"].explode())) == {"train"}


def test_the_most_uncertain_are_those_that_the_model_says_it_is_unsure_of(pool: Path) -> None:
    frame = unfazed.query(trained.run(), pool, count=80, by="uncertainty").frame
    predictions = unfazed.Predictor.open(trained.run()).predict(frame["input"].to_list())
    ordered = np.sort(predictions.probs, axis=1)
    assert frame["uncertainty"].to_numpy() == pytest.approx(1 - (ordered[:, -1] - ordered[:, -2]), abs=1e-4)
    assert frame["uncertainty"][0] == frame["uncertainty"].max()
    assert frame["uncertainty"][:10].mean() > frame["uncertainty"][-40:].mean() + 0.1  # type: ignore[operator]


def test_what_a_file_that_cannot_be_read_is_called_steers_no_terminal() -> None:
    found: Any = SimpleNamespace(known=0, waiting=0, repeated=0, problems=[("a\x1b[2J.csv", "row 3 is “\x9b2J”")])
    assert left_out(found) == ["1 cannot be read (the first: a\\x1b[2J.csv: row 3 is “\\x9b2J”)."]


def test_near_copies_of_one_example_do_not_fill_the_list(pool: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(pool, tmp_path / "pool"))
    worst = unfazed.query(trained.run(), pool, count=1, by="uncertainty").frame["input"][0]
    pixels = np.array(Image.open(worst))
    for number in range(30):
        near = pixels.copy()
        near[number // 8, number % 8] ^= 1  # a shade that nobody sees
        Image.fromarray(near).save(folder / f"near-{number}.png")
    for by in ("both", "uncertainty", "diversity"):
        names = unfazed.query(trained.run(), folder, count=15, by=by).frame["input"]
        assert sum("near-" in name or Path(name).name == Path(worst).name for name in names) <= 2, by


def test_what_the_run_has_is_not_proposed_and_nothing_else_is_an_error() -> None:
    with pytest.raises(UsageError, match="nothing is left to choose from: 300 of 300 inputs are examples of the run"):
        unfazed.query(trained.run(), trained.source())


def test_fewer_than_asked_are_all_that_there_are(pool: Path) -> None:
    files = sorted(map(str, pool.rglob("digit*/*.png")))[:3]
    assert len(unfazed.query(trained.run(), files).frame) == 3


def test_what_cannot_be_used_is_one_message(pool: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.png").write_bytes(b"")
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    cases: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
        (tmp_path / "empty", {}, UsageError, "no files to predict"),
        (tmp_path / "bad.png", {}, InputError, "none of 1 inputs can be read"),
        (tmp_path / "rows.csv", {}, UsageError, "rows.csv"),
        ([], {}, UsageError, "nothing to choose from"),
        ([3], {}, UsageError, "got int"),
        (pool, {"count": 0}, UsageError, "count must be 1 or more"),
        (pool, {"by": "margin"}, UsageError, 'by must be both, uncertainty or diversity, got "margin"'),
    ]
    for data, settings, kind, reason in cases:
        with pytest.raises(kind, match=reason):
            unfazed.query(trained.run(), data, **settings)


def test_the_column_of_paths_of_a_frame_can_be_named(pool: Path, tmp_path: Path) -> None:
    files = [str(file) for file in sorted(pool.rglob("*.png")) if file.name != "broken.png"]
    frame = pl.DataFrame({"photo": files[:20], "other": files[20:40]})
    asked = unfazed.query(trained.run(), frame, count=5, path="other")
    assert set(asked.frame["input"]) <= set(files[20:40])
    with pytest.raises(UsageError, match='"third" is not a column of the frame'):
        unfazed.query(trained.run(), frame, path="third")


def test_how_a_frame_was_read_is_said(pool: Path) -> None:
    files = [str(file) for file in sorted(pool.rglob("*.png")) if file.name != "broken.png"]
    frame = pd.DataFrame([[file, "", ""] for file in files[:20]], columns=["file", "more", "more"])
    said = list(inputs_of(frame, Predictor.open(trained.run()), None, True))
    assert [one.text for one in said if isinstance(one, Notice)] == [
        'the frame: columns share a name: another "more" is "more_duplicated_0"'
    ]


def test_a_run_without_its_record_is_told(run: Run, pool: Path) -> None:
    (run.path / "scores.npz").unlink()
    with pytest.raises(RunError, match=r"no scores\.npz"):
        unfazed.query(run, pool)


def test_rows_and_numbers_are_ranked_labelled_and_trained_on(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    width = generator.normal(size=160)
    frame = pl.DataFrame({"width": width, "kind": generator.choice(["a", "b"], 160), "price": 3 * width + 1})
    settings = {"epochs": 3, "batch_size": 16}
    run = unfazed.train(frame[:100], target="price", out=tmp_path / "numbers", progress=False, **settings)
    found = unfazed.query(run, frame.drop("price"), count=10)
    assert (found.known, found.pool, len(found.frame)) == (100, 60, 10)
    assert found.frame["probability"].null_count() == 10 and "may be off by" in found.frame["reason"][0]
    assert json.loads(found.frame["input"][0])["width"] in width[100:]
    chosen = [json.loads(row)["width"] for row in found.frame["input"]]
    labels = [Labelled(row, f"{3 * one + 1:.4f}") for row, one in zip(found.frame["input"], chosen, strict=True)]
    (tmp_path / "labels.csv").write_text(as_csv(Labelled._fields, labels), newline="")
    again = unfazed.train(
        frame[:100], target="price", more=tmp_path / "labels.csv", out=tmp_path / "again", progress=False, **settings
    )
    assert len(again.table()) == 110 and len(again.table().rows("train")) == len(run.table().rows("train")) + 10
    assert unfazed.query(again, frame.drop("price"), count=10).known == 110


def test_sets_of_labels_are_ranked_and_the_page_takes_them_in_one_order(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(160, 2))
    tags = [[name for name, one in zip("ab", row, strict=True) if one > 0] for row in x]
    frame = pl.DataFrame({"x": x[:, 0], "y": x[:, 1], "tags": tags})
    run = unfazed.train(frame[:100], target="tags", out=tmp_path / "sets", progress=False, epochs=3, batch_size=16)
    found = unfazed.query(run, frame[100:].drop("tags"), count=5)
    assert len(found.frame) == 5
    page = Labelling(queries.keep(run, found.frame, "frame"))
    first, second = page.order[:2].tolist()
    for row, said in ((first, "new| b|a"), (second, "|")):
        page.decide({"row": row, "action": "label", "corrected": said, "who": "ada", "based_on": 0})
    labels = {one.label for one in page.lines()}
    assert labels == {"a|b|new", "|"}
    (tmp_path / "labels.csv").write_text(page.export())
    again = unfazed.train(
        frame[:100], target="tags", out=tmp_path / "again", progress=False, epochs=1, more=tmp_path / "labels.csv"
    )
    assert again.classes == ["a", "b", "new"] and again.table().frame["label"][100:].to_list() == ["a|b|new", ""]


def test_a_query_that_people_have_begun_is_not_proposed_again(run: Run, pool: Path) -> None:
    found = unfazed.query(run, pool, count=10)
    labelling = Labelling(queries.keep(run, found.frame, "new"))
    assert unfazed.query(run, pool, count=10).frame["sha256"].to_list() == found.frame["sha256"].to_list()
    decided(labelling, 0, "unsure")
    again = unfazed.query(run, pool, count=10)
    assert again.waiting == 10 and not set(again.frame["sha256"]) & set(found.frame["sha256"])


def decided(labelling: Labelling, place: int, action: str, label: str = "") -> None:
    row = labelling.first + place
    number = labelling.decisions.snapshot(row)[1]
    said = {"row": row, "action": action, "corrected": label, "who": "ada", "session": "a", "based_on": number}
    labelling.decide(said)


def test_from_query_to_labels_to_a_training_with_them(run: Run, pool: Path, tmp_path: Path) -> None:
    folder = queries.keep(run, unfazed.query(run, pool, count=10).frame, "new")
    labelling = Labelling(folder)
    truth = [Path(name).parent.name for name in labelling.query.frame["input"]]
    for place in range(8):
        decided(labelling, place, "label", truth[place])
    decided(labelling, 8, "drop")
    decided(labelling, 9, "unsure")
    labelling.undo({"who": "ada", "session": "a"})
    assert "8 labels by ada, 1 dropped, 0 unsure" in exported(folder, tmp_path / "labels.csv")
    said = retraining(folder, tmp_path / "labels.csv")
    assert said.startswith("unfazed train ") and said.endswith(f"--more {tmp_path / 'labels.csv'}")
    again = unfazed.train(
        trained.source(), out=tmp_path / "again", more=tmp_path / "labels.csv", progress=False, **trained.SETTINGS
    )
    before, after = run.table().frame, again.table().frame
    new = after.filter(~pl.col("id").is_in(before["id"].to_list()))
    assert dict(new.select("input", "label").iter_rows()) == dict(
        zip(labelling.query.frame["input"][:8], truth[:8], strict=True)
    )
    assert set(new["split"]) == {"train"}
    assert after.filter(pl.col("id").is_in(before["id"].to_list())).select("id", "label", "split").sort("id").equals(
        before.select("id", "label", "split").sort("id")
    )
    second = queries.keep(again, unfazed.query(again, pool, count=2).frame, "new")
    decided(Labelling(second), 0, "label", "digit 1")
    exported(second, tmp_path / "more.csv")
    assert len(read_labels(tmp_path / "more.csv")) == 9, "those that the run was trained with are in it"


def test_the_page_knows_of_no_label_and_takes_none_back_from_the_runs_own_rows(run: Run, pool: Path) -> None:
    labelling = Labelling(queries.keep(run, unfazed.query(run, pool, count=4).frame, "new"))
    start = labelling.start()
    assert (start["labelling"], start["file"], start["rows"], start["source"]) == (True, "labels.csv", 4, "new")
    about = labelling.example(labelling.first)
    assert about["label"] is None and about["suggested"] and about["reason"] and about["candidates"]
    assert len(about["neighbours"]) == 8 and all(near["label"] for near in about["neighbours"])
    assert labelling.things.picture(labelling.first, "full").kind == "image/png"
    for row, action in ((0, "drop"), (labelling.first, "keep"), (labelling.first, "relabel")):
        with pytest.raises(UsageError):
            labelling.decide({"row": row, "action": action, "corrected": "digit 1", "who": "ada", "based_on": 0})
    with pytest.raises(UsageError, match="no action 'label'"):
        Review(run).decide({"row": 0, "action": "label", "corrected": "digit 1", "who": "ada", "based_on": 0})


def test_the_static_page_holds_the_examples(run: Run, pool: Path, tmp_path: Path) -> None:
    folder = queries.keep(run, unfazed.query(run, pool, count=3).frame, "new")
    assert "3 examples of 3, the most worth labelling" in static_file(folder, tmp_path / "page.html", 200)
    assert '"labelling": true' in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    "damage",
    [b"", b"PAR1 and nothing else", {"neighbours": pl.lit([10**6])}, {"sha256": pl.lit("")}, {"id": pl.lit(None)}],
)
def test_a_damaged_or_hostile_query_is_one_message(damage: bytes | dict[str, pl.Expr], run: Run, pool: Path) -> None:
    folder = queries.keep(run, unfazed.query(run, pool, count=2).frame, "new")
    if isinstance(damage, dict):
        frame = pl.read_parquet(folder / queries.FILE).with_columns(**damage)
        frame.write_parquet(folder / queries.FILE)
    else:
        (folder / queries.FILE).write_bytes(damage)
    with pytest.raises(RunError, match=r"query\.parquet is damaged"):
        Labelling(folder)


def test_reasons_say_what_is_doubtful_and_what_is_far() -> None:
    def classes(*probs: float) -> list[dict[str, Any]]:
        return [{"label": name, "probability": p} for name, p in zip(("cat", "dog"), probs, strict=True)]

    three = [classes(0.51, 0.47), classes(0.9, 0.1), classes(0.99, 0.01)]
    said = reasons("classification", three, [0.0] * 3, [1.0, 9.0, 1.0], 3)
    assert said == [
        "cat or dog? 51 / 47 %",
        "only 90 % sure; unlike any training row (9.0 × the usual distance)",
        "unlike those before it",
    ]
    assert reasons("regression", [[]], [149_000.0], [1.0], 3) == ["may be off by 149,000"]
    assert reasons("multilabel", [classes(0.6, 0.1)], [1.0], [1.0], 3) == ["unsure about cat (60 %)"]


def test_the_command_keeps_the_list_writes_it_and_says_how_to_go_on(run: Run, pool: Path, tmp_path: Path) -> None:
    done = within("query", run.path, pool, "--count", "30", "--csv", tmp_path / "todo.csv", COLUMNS="160")
    assert done.returncode == 0, done.stderr
    assert "30 of 80 unlabelled examples" in done.stdout and "10 more; all of them are in" in done.stdout
    assert "cannot be read (the first:" in done.stdout and "1 more is a copy" in done.stdout
    assert f"next    unfazed review {run.path / 'queries' / '1'}" in done.stdout
    with (tmp_path / "todo.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30 and {row["label"] for row in rows} == {""} and rows[0]["predicted"]
    assert queries.is_query(run.path / "queries" / "1")


def test_a_command_with_nothing_to_choose_from_ends_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for data, status, said in (("no/such/file.png", 1, "no such file"), (str(trained.source()), 2, "nothing is left")):
        with pytest.raises(SystemExit) as ended:
            main(["query", str(trained.run().path), data])
        told = capsys.readouterr().err.strip()
        assert ended.value.code == status and said in told and len(told.splitlines()) == 1
    assert not (trained.run().path / queries.FOLDER).exists(), "nothing is kept of a query that failed"
