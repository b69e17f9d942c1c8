"""What files, folders and table files stand for when they are predicted."""

import io
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import trained
from empty_files import write

from unfazed.errors import SourceError, UsageError
from unfazed.modality import Modality
from unfazed.modality.image import MODALITY
from unfazed.modality.tabular import MODALITY as TABULAR
from unfazed.modality.tabular import fit
from unfazed.modality.text import MODALITY as TEXT
from unfazed.predictor import Predictor
from unfazed.recipe import Recipe
from unfazed.report.events import Notice
from unfazed.report.predictions import Prediction
from unfazed.samples import SAMPLES
from unfazed.verb.predict import Input, listed_inputs, predicted

PNG = MODALITY._replace(extensions=frozenset({".png"}))
ROWS = fit([{"size": f"{size % 7}.5"} for size in range(50)], Recipe())


def inputs(item: Path, path: str | None = None, header: bool = True) -> list[str]:
    """Relative to the folder that the item lies in."""
    listed = listed_inputs(str(item), PNG, path=path, header=header)
    return [os.path.relpath(one.content, item.parent) if one.content else "" for one in listed]


def test_a_folder_is_walked_as_in_training(tmp_path: Path) -> None:
    write(tmp_path / "in", "a10.png", "a2.png", "b/c.PNG", "._a2.png", ".DS_Store", ".hidden/d.png", "notes.txt",
          "__MACOSX/a2.png")
    write(tmp_path / "elsewhere", "e.png")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "b" / "loop").symlink_to(tmp_path / "in")
    assert inputs(tmp_path / "in") == ["in/a2.png", "in/a10.png", "in/b/c.PNG", "in/link/e.png"]


def test_a_folder_without_inputs(tmp_path: Path) -> None:
    write(tmp_path, "notes.txt", ".hidden.png")
    with pytest.raises(UsageError, match=r"no files to predict: looked for \.png"):
        inputs(tmp_path)


def test_any_other_item_is_an_input(tmp_path: Path) -> None:
    for item in (str(tmp_path / "gone.png"), "n" * 5000, "a\0b", "", "notes.txt"):
        assert [one.content for one in listed_inputs(item, PNG)] == [item]


def test_a_table_is_read_as_in_training(tmp_path: Path) -> None:
    write(tmp_path, "i/1.png", "i/2.png")
    table = tmp_path / "t.csv"
    text = "x" * 300  # longer than a name may be
    table.write_text(f"note,file\n{text},i/gone.png\n{text},i/1.png\n{text},\n{text},i/2.png\n")
    assert inputs(table) == ["i/gone.png", "i/1.png", "", "i/2.png"]
    table.write_text("note,file\nx,i/gone.png\n")
    with pytest.raises(SourceError, match='no column of .* paths of existing files.*"note", "file"'):
        inputs(table)
    table.write_text("note,file\n")
    with pytest.raises(SourceError, match="has no rows"):
        inputs(table)


def test_the_column_of_paths_can_be_named(tmp_path: Path) -> None:
    write(tmp_path, "i/1.png", "m/1.png")
    (tmp_path / "t.csv").write_text("image,mask\ni/1.png,m/1.png\n")
    assert inputs(tmp_path / "t.csv") == ["i/1.png"]
    assert inputs(tmp_path / "t.csv", path="mask") == ["m/1.png"]
    with pytest.raises(SourceError, match='path "maks" is not a column of .* Did you mean "mask"'):
        inputs(tmp_path / "t.csv", path="maks")
    with pytest.raises(UsageError, match='path "mask": a column, but none of the items is a table'):
        next(predicted(trained.run(), [str(tmp_path)], path="mask"))


def test_an_empty_item_is_no_input() -> None:
    with pytest.raises(UsageError, match="nothing to predict"):
        next(predicted(trained.run(), ["x.png", ""]))


def test_who_gives_a_text_model_nothing_is_told_that_it_takes_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = SimpleNamespace(modality=TEXT)
    monkeypatch.setattr(Predictor, "open", lambda _: model)
    with pytest.raises(UsageError, match="nothing to predict: give texts, text files"):
        next(predicted("run", [""]))


def test_a_table_without_a_header_loses_no_row(tmp_path: Path) -> None:
    write(tmp_path, "i/1.png", "i/2.png")
    table = tmp_path / "t.csv"
    for first in ("i/1.png", "i/gone.png"):
        table.write_text(f"{first},x\ni/2.png,y\n")
        assert inputs(table, header=False) == [first, "i/2.png"]
        with pytest.raises(SourceError, match="--no-header"):
            inputs(table)


def test_paths_start_at_the_table_or_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "work", "i/1.png")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "t.csv").write_text("file\ni/1.png\n")
    monkeypatch.chdir(tmp_path / "work")
    assert [one.content for one in listed_inputs("../lists/t.csv", PNG)] == ["i/1.png"]
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "lists", "i/1.png")
    assert [one.content for one in listed_inputs("lists/t.csv", PNG)] == ["lists/i/1.png"]


def test_an_input_that_cannot_be_read_is_a_row(tmp_path: Path) -> None:
    good = next((trained.source() / "digit 1").iterdir())
    table = tmp_path / "t.csv"
    table.write_text(f"{tmp_path / 'gone.png'},x\n{good},x\n,x\n")
    found = list(predicted(trained.run(), [str(table), "n" * 5000], header=False))
    assert [one.input for one in found] == [str(tmp_path / "gone.png"), str(good), "", "n" * 5000]
    assert [one.problem for one in found] == ["no such file", None, "no path given", "the name is too long"]
    assert [one.label is None for one in found] == [True, False, True, True]


def test_an_item_without_inputs_ends_nothing_unless_it_is_all(tmp_path: Path) -> None:
    good = str(next((trained.source() / "digit 1").iterdir()))
    (tmp_path / "empty").mkdir()
    found = list(predicted(trained.run(), [good, str(tmp_path / "empty"), str(tmp_path / "gone.csv"), good]))
    assert [one.label is None for one in found if isinstance(one, Prediction)] == [False, True, True, False]
    assert "no files to predict" in str(found[1].problem) and "there is nothing at" in str(found[2].problem)  # type: ignore[union-attr]
    with pytest.raises(SourceError):
        list(predicted(trained.run(), [str(tmp_path / "gone.csv")]))


def test_a_name_that_is_not_there_is_told_with_the_one_that_is(tmp_path: Path) -> None:
    write(tmp_path, "photo.png", "asked.csv")
    (one,) = listed_inputs(str(tmp_path / "phtoo.png"), PNG)
    assert isinstance(one, Input) and one.problem == 'no such file. Did you mean "photo.png"?'
    with pytest.raises(SourceError, match=r'there is nothing at .*aksed\.csv\. Did you mean "asked\.csv"\?'):
        inputs(tmp_path / "aksed.csv")


def test_a_text_that_could_be_the_name_of_a_file_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("hello")
    assert list(listed_inputs("gone.eml", TEXT)) == [
        Notice('there is no file "gone.eml": it is predicted as a text'), Input("gone.eml", "gone.eml")
    ]  # fmt: skip
    assert list(listed_inputs("It ends. Well.", TEXT)) == [Input("It ends. Well.", "It ends. Well.")]
    assert list(listed_inputs(str(tmp_path / "mail"), TEXT)) == [Input(str(tmp_path / "mail"), tmp_path / "mail")]


@pytest.mark.parametrize(
    "text", ["The report is in sales.csv", "see notes.txt", "this and/or that.txt", "in a.parquet"]
)
def test_a_sentence_that_ends_in_the_name_of_a_file_is_a_text(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    notice = Notice(f'there is no file "{text}": it is predicted as a text')
    assert list(listed_inputs(text, TEXT)) == [notice, Input(text, text)]


def test_the_name_of_a_file_with_blanks_is_no_text_where_it_is_there(tmp_path: Path) -> None:
    write(tmp_path, "see notes.txt")
    assert list(listed_inputs(str(tmp_path / "see notes.txt"), TEXT)) == [
        Input(str(tmp_path / "see notes.txt"), tmp_path / "see notes.txt")
    ]  # fmt: skip


def test_the_name_of_a_file_with_blanks_is_no_text_where_it_is_mistyped(tmp_path: Path) -> None:
    write(tmp_path, "my reviews.csv", "my notes.txt")
    with pytest.raises(SourceError, match=r'Did you mean "my reviews\.csv"'):
        list(listed_inputs(str(tmp_path / "my reveiws.csv"), TEXT))
    (one,) = listed_inputs(str(tmp_path / "my ntoes.txt"), TEXT)
    assert isinstance(one, Input) and one.problem == 'no such file. Did you mean "my notes.txt"?'
    with pytest.raises(SourceError, match="there is nothing at"):
        list(listed_inputs("some other table.csv", TEXT, path="text"))


def test_the_standard_input_is_a_text_or_a_name_a_line_or_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(data: str, modality: Modality) -> list[Input | Notice]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data.encode())))
        return list(listed_inputs("/dev/stdin", modality, ROWS))

    assert read("reviews.csv\n\ntwo words\n", TEXT) == [Input(one, one) for one in ("reviews.csv", "", "two words")]
    assert [one.content for one in read("a.png\r\nb c.png\n", PNG) if isinstance(one, Input)] == ["a.png", "b c.png"]
    for table in ("size,kind\n1.5,x\n", '{"size": "1.5"}\n'):
        for mark in ("", "\ufeff"):  # which editors and PowerShell put before UTF-8
            assert read(mark + table, TABULAR)[-1] == Input("/dev/stdin:1", '{"size": "1.5"}')
    assert read("\ufeffso good\n\ufeff\n", TEXT)[0] == Input("so good", "so good")


def test_a_sample_is_what_train_takes_it_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SAMPLES, "few", lambda folder: write(folder, "a/1.png", "b/2.png"))
    names = [Path(one.content).name for one in listed_inputs("sample:few", PNG) if isinstance(one, Input)]
    assert names == ["1.png", "2.png"]
    with pytest.raises(SourceError, match='there is no sample "fwe".* Did you mean "few"'):
        list(listed_inputs("sample:fwe", PNG))


def test_a_name_that_is_not_utf8_is_read_and_can_be_printed(tmp_path: Path) -> None:
    good = next((trained.source() / "digit 1").iterdir())
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(good.read_bytes())
    except OSError:
        pytest.skip("names are UTF-8 here")
    (one,) = predicted(trained.run(), [str(tmp_path)])
    assert one.label is not None and one.input.encode().endswith(b"/caf\\xe9.png")
