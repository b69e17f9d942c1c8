"""What the review page shows of each kind of data, made anew and never more than it should be."""

import io
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile
from PIL import Image

from unfazed.errors import InputError
from unfazed.run import Exhibit, Run
from unfazed.table import Table
from unfazed.web.things import BRIEF, LARGEST, SMALL, Things


def things(folder: Path, modality: str, inputs: list[str], exhibits: dict[int, Exhibit] | None = None) -> Things:
    run = Run.create(folder / "run")
    run.write_json("model.json", {"modality": modality, "classes": ["a", "b"]})
    run.write_exhibits(exhibits or {})
    contents = [Path(name).read_bytes() if modality in ("image", "audio") else b"in one form" for name in inputs]
    frame = pl.DataFrame({"id": [str(row) for row in range(len(inputs))], "input": inputs, "label": ["a"] * len(inputs),
                          "sha256": [sha256(content).hexdigest() for content in contents]})  # fmt: skip
    return Things(run, Table.of(frame, str(folder), "test"))


def image(path: Path, width: int, height: int, **settings: Any) -> str:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path, **settings)
    return str(path)


def test_a_picture_is_made_anew_at_full_size_and_small(tmp_path: Path) -> None:
    secret = Image.Exif()
    secret[0x9286] = "where I live"
    paths = [image(tmp_path / "a.jpg", 900, 500, exif=secret), image(tmp_path / "b.png", 8, 9)]
    shown = things(tmp_path, "image", paths)
    for row, size, expected in ((0, "full", (900, 500)), (0, "small", (SMALL, 107)), (1, "full", (8, 9))):
        with Image.open(io.BytesIO(shown.picture(row, size).data)) as found:
            assert found.size == expected and not found.getexif()
    assert LARGEST >= 2048


def test_what_is_gone_or_has_changed_is_refused_with_the_reason(tmp_path: Path) -> None:
    shown = things(tmp_path, "image", [image(tmp_path / "a.png", 8, 8), image(tmp_path / "b.png", 9, 9)])
    Path(shown.table.frame["input"][0]).unlink()
    Path(shown.table.frame["input"][1]).write_bytes(b"GIF89a and nothing else")
    for row, reason in ((0, "no such file"), (1, "GIF")):
        with pytest.raises(InputError, match=reason):
            shown.picture(row, "full")


def test_only_recordings_have_a_sound_and_rows_no_picture(tmp_path: Path) -> None:
    shown = things(tmp_path, "tabular", ['{"x": 1, "y": 2}'])
    for answer, what in ((shown.sound, "sound"), (lambda row: shown.picture(row, "full"), "picture")):
        with pytest.raises(InputError, match=f"rows have no {what}"):
            answer(0)


def test_a_recording_is_a_spectrogram_and_a_wav(tmp_path: Path) -> None:
    samples = np.sin(np.arange(16_000) / 10).astype(np.float32)
    soundfile.write(tmp_path / "a.flac", samples, 8000)
    shown = things(tmp_path, "audio", [str(tmp_path / "a.flac")])
    with Image.open(io.BytesIO(shown.picture(0, "full").data)) as found:
        assert found.size == (960, 300)
    heard, rate = soundfile.read(io.BytesIO(shown.sound(0).data))
    assert rate == 8000 and np.abs(heard - samples).max() < 1e-3


def test_a_text_shows_the_words_that_mattered_and_is_cut_among_others(tmp_path: Path) -> None:
    long = "word " * 200
    shown = things(tmp_path, "text", ["good film", long, long, "good film"], {
        0: Exhibit(words=[("good ", 1.5), ("film", -0.5)]),
        2: Exhibit(words=[("word ", 0.5), ("…", 0.0)]),
        3: Exhibit(words=[("bad ", 1.5), ("film", -0.5)]),
    })  # fmt: skip
    assert shown.shown(0) == {"kind": "text", "words": [("good ", 1.5), ("film", -0.5)]}
    assert shown.shown(1)["words"] == [(long, 0.0)]
    assert shown.shown(2)["words"] == [("word ", 0.5), (long[5:], 0.0)], "no less of it than of the others"
    assert shown.shown(3)["words"] == [("good film", 0.0)], "what was weighed is not what stands there"
    assert len(shown.shown(1, small=True)["words"][0][0]) == BRIEF


def test_a_row_shows_its_columns_and_among_others_those_of_the_one_beside_it(tmp_path: Path) -> None:
    rows = [json.dumps({f"c{number}": value for number in range(9)}) for value in ("1", "2")]
    cells = [(f"c{number}", "1", float(number % 5)) for number in range(9)]
    shown = things(tmp_path, "tabular", rows, {0: Exhibit(cells=cells)})
    whole = shown.shown(0)
    assert whole["cells"] == cells
    assert [name for name, _, _ in shown.shown(1, small=True)["cells"]] == ["c0", "c1", "c2", "c3", "c4"]
    beside = shown.shown(1, small=True, like=whole)["cells"]
    assert beside == [("c2", "2", 0.0), ("c3", "2", 0.0), ("c4", "2", 0.0), ("c7", "2", 0.0), ("c8", "2", 0.0)]


def test_columns_that_nothing_was_learnt_from_are_shown_too(tmp_path: Path) -> None:
    row = json.dumps({"note": "as said", "c": 1})
    shown = things(tmp_path, "tabular", [row], {0: Exhibit(cells=[("c", "1", 0.5)])})
    assert shown.shown(0)["cells"] == [("c", "1", 0.5), ("note", "as said", 0.0)]


def test_a_file_of_which_nobody_knows_the_content_is_not_shown(tmp_path: Path) -> None:
    """In a stranger's run, any picture of this machine could stand there."""
    shown = things(tmp_path, "image", [image(tmp_path / "a.png", 8, 8)])
    shown.table = replace(shown.table, frame=shown.table.frame.with_columns(sha256=pl.lit(None, pl.String)))
    with pytest.raises(InputError, match="hash is unknown"):
        shown.picture(0, "full")


def test_what_cannot_be_read_is_told_not_raised(tmp_path: Path) -> None:
    shown = things(tmp_path, "tabular", ["[1, 2]"])
    assert shown.shown(0)["kind"] == "none" and "JSON object" in shown.shown(0)["why"]


class Given:
    """Weights that come from elsewhere than the run."""

    def __init__(self, exhibit: Exhibit | None):
        self.exhibit, self.asked, self.broken = exhibit, 0, exhibit is None

    def hopeless(self, row: int) -> bool:
        return self.broken

    def prepare(self) -> None:
        pass

    def of(self, row: int) -> Exhibit | None:
        self.asked += 1
        return self.exhibit


def test_weights_that_the_report_lacks_are_asked_for_and_their_absence_is_said(tmp_path: Path) -> None:
    stored, found = Exhibit(words=[("good film", 1.0)]), Exhibit(words=[("bad ", 2.0), ("film", 0.0)])
    shown = things(tmp_path, "text", ["good film", "bad film"], {0: stored})
    assert shown.shown(1) == {"kind": "text", "words": [("bad film", 0.0)], "unweighed": "kept"}
    assert "unweighed" not in shown.shown(0) and "unweighed" not in shown.shown(1, small=True)
    shown.weights = given = Given(found)  # type: ignore[assignment]
    assert shown.shown(1) == {"kind": "text", "words": found.words}
    shown.shown(0)
    shown.shown(1, small=True)
    assert given.asked == 1, "neither of what is known nor of what is shown among others"
    shown.weights = Given(None)  # type: ignore[assignment]
    assert shown.shown(1) == {"kind": "text", "words": [("bad film", 0.0)], "unweighed": "kept"}
    shown.weights.broken = False  # it is being computed
    assert shown.shown(1)["unweighed"] == "soon"


def test_of_a_predicted_number_no_word_is_weighed(tmp_path: Path) -> None:
    shown = things(tmp_path, "text", ["good film"])
    shown.run.model["task"] = "regression"
    shown.weights = given = Given(None)  # type: ignore[assignment]
    assert shown.shown(0) == {"kind": "text", "words": [("good film", 0.0)]} and not given.asked
