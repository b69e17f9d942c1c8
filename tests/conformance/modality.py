"""What every modality must do. A modality's test fills in a `Specimen` and runs each of `CHECKS` on it."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unfazed.errors import InputError, RunError, SourceError
from unfazed.modality import Modality
from unfazed.reading import readings
from unfazed.source import SourceOptions


@dataclass(frozen=True)
class Specimen:
    """A modality with inputs to try it on."""

    modality: Modality
    suffix: str
    good: Callable[[int], bytes]  # the content of a good file, different for each number
    settings: tuple[Any, ...]  # second arguments of `fit` to try
    odd: Mapping[str, bytes] = field(default_factory=dict)  # unusual, but must be read
    hostile: Mapping[str, bytes] = field(default_factory=dict)  # must be refused with an InputError
    damaged_json: tuple[str, ...] = ()  # texts that must be refused as a preprocessor, besides the usual ones


def folder(specimen: Specimen, root: Path, per_class: int = 4) -> Path:
    """A folder of class folders with good files."""
    for number in range(2 * per_class):
        place = root / ("ant", "bee")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}{specimen.suffix}").write_bytes(specimen.good(number))
    return root


def finds_rows_in_a_stable_order(specimen: Specimen, tmp_path: Path) -> None:
    root = folder(specimen, tmp_path / "source")
    first, second = (specimen.modality.find(root, SourceOptions()) for _ in range(2))
    assert first.frame.equals(second.frame)
    assert first.classes == ["ant", "bee"]
    assert first.frame["id"].is_unique().all()
    assert all(Path(path).is_absolute() for path in first.frame["input"])


def refuses_a_source_without_inputs(specimen: Specimen, tmp_path: Path) -> None:
    (tmp_path / "ant").mkdir()
    (tmp_path / "ant" / "notes.unknown").write_text("nothing to see")
    with pytest.raises(SourceError, match=r"\.unknown"):
        specimen.modality.find(tmp_path, SourceOptions())


def reads_path_text_and_bytes_alike(specimen: Specimen, tmp_path: Path) -> None:
    path = tmp_path / f"one{specimen.suffix}"
    path.write_bytes(specimen.good(0))
    raws = [specimen.modality.read(source) for source in (path, str(path), path.read_bytes())]
    assert all(np.array_equal(raws[0], raw) for raw in raws[1:])


def fits_and_encodes_every_setting(specimen: Specimen, tmp_path: Path) -> None:
    raws = [specimen.modality.read(specimen.good(number)) for number in range(4)]
    for setting in specimen.settings:
        preprocessor = specimen.modality.fit([raw.shape[:2] for raw in raws], setting)
        encoded = [specimen.modality.encode(raw, preprocessor) for raw in raws]
        assert len({(array.shape, array.dtype) for array in encoded}) == 1
        assert all(array.flags.c_contiguous for array in encoded)
        assert not np.array_equal(encoded[0], encoded[1]), "different inputs must stay different"


def encodes_purely(specimen: Specimen, tmp_path: Path) -> None:
    """The same raw gives the same array, and nothing handed in is changed."""
    raw = specimen.modality.read(specimen.good(0)).copy()
    before = raw.copy()
    for setting in specimen.settings:
        preprocessor = specimen.modality.fit([raw.shape[:2]], setting)
        known = copy.deepcopy(preprocessor)
        first = specimen.modality.encode(raw, preprocessor)
        kept = first.copy()
        specimen.modality.encode(specimen.modality.read(specimen.good(1)), preprocessor)
        second = specimen.modality.encode(raw, preprocessor)
        assert np.array_equal(kept, first) and np.array_equal(first, second)
        assert np.array_equal(raw, before) and preprocessor == known
        first[...] = 0  # an array of its own: writing to it must not reach the raw input
        assert np.array_equal(raw, before)


def survives_json(specimen: Specimen, tmp_path: Path) -> None:
    raw = specimen.modality.read(specimen.good(0))
    for setting in specimen.settings:
        preprocessor = specimen.modality.fit([raw.shape[:2]], setting)
        again = specimen.modality.preprocessor.from_json(preprocessor.to_json())
        assert again == preprocessor
        assert np.array_equal(specimen.modality.encode(raw, again), specimen.modality.encode(raw, preprocessor))


def refuses_damaged_json(specimen: Specimen, tmp_path: Path) -> None:
    usual = ("", "{", "null", "[]", "7", "{}", '{"format": 99}', '{"format": 1, "modality": "smell"}', "[" * 100_000)
    for text in (*usual, *specimen.damaged_json):
        with pytest.raises(RunError):
            specimen.modality.preprocessor.from_json(text)


def reads_odd_inputs(specimen: Specimen, tmp_path: Path) -> None:
    for setting in specimen.settings:
        for name, data in specimen.odd.items():
            raw = specimen.modality.read(data)
            preprocessor = specimen.modality.fit([specimen.modality.read(specimen.good(0)).shape[:2]], setting)
            reference = specimen.modality.encode(specimen.modality.read(specimen.good(0)), preprocessor)
            assert specimen.modality.encode(raw, preprocessor).shape == reference.shape, name


def inspects_what_it_would_read(specimen: Specimen, tmp_path: Path) -> None:
    for name, data in {"good": specimen.good(1), **specimen.odd}.items():
        assert specimen.modality.inspect(data) == specimen.modality.read(data).shape[:2], name
    for name, data in specimen.hostile.items():
        try:
            size = specimen.modality.inspect(data)
        except InputError as error:
            assert 0 < len(str(error)) <= 160 and "\n" not in str(error), name
        else:
            assert min(size) > 0, name


def encodes_to_the_shape_it_promises(specimen: Specimen, tmp_path: Path) -> None:
    raw = specimen.modality.read(specimen.good(0))
    for setting in specimen.settings:
        preprocessor = specimen.modality.fit([raw.shape[:2]], setting)
        array = specimen.modality.encode(raw, preprocessor)
        assert array.shape == preprocessor.shape and array.dtype == np.uint8


def refuses_hostile_inputs(specimen: Specimen, tmp_path: Path) -> None:
    """From memory and from disk alike, with a short reason in one line."""
    for name, data in specimen.hostile.items():
        path = tmp_path / f"hostile{specimen.suffix}"
        path.write_bytes(data)
        for source in (data, path):
            with pytest.raises(InputError) as caught:
                specimen.modality.read(source)
            assert 0 < len(str(caught.value)) <= 160 and "\n" not in str(caught.value), name


def refuses_hostile_paths(specimen: Specimen, tmp_path: Path) -> None:
    (tmp_path / f"folder{specimen.suffix}").mkdir()
    (tmp_path / f"dangling{specimen.suffix}").symlink_to(tmp_path / "gone")
    (tmp_path / f"loop{specimen.suffix}").symlink_to(tmp_path / f"loop{specimen.suffix}")
    names = ["folder", "dangling", "loop", "missing", "n" * 5000, "null\0byte"]
    sources: list[Any] = [tmp_path / f"{name}{specimen.suffix}" for name in names]
    for source in (*sources, "", "https://example.org/one", 7, None, ["list"]):
        with pytest.raises(InputError):
            specimen.modality.read(source)


def one_bad_input_is_one_problem(specimen: Specimen, tmp_path: Path) -> None:
    """Reading goes on around inputs that fail, in order, with the hash of each file's bytes."""
    root = folder(specimen, tmp_path / "source")
    for number, data in enumerate(specimen.hostile.values()):
        (root / "ant" / f"hostile {number}{specimen.suffix}").write_bytes(data)
    table = specimen.modality.find(root, SourceOptions())
    positions, read = zip(*readings(table.frame["input"], specimen.modality.read), strict=True)
    assert positions == tuple(range(len(table)))
    for row, one in zip(table.frame.iter_rows(named=True), read, strict=True):
        assert (one.problem is not None) == ("hostile" in row["id"]), (row["id"], one.problem)
        assert (one.raw is None) == (one.problem is not None)
        assert one.sha256 == sha256(Path(row["input"]).read_bytes()).hexdigest()


CHECKS: tuple[Callable[[Specimen, Path], None], ...] = (
    finds_rows_in_a_stable_order,
    refuses_a_source_without_inputs,
    reads_path_text_and_bytes_alike,
    fits_and_encodes_every_setting,
    encodes_purely,
    survives_json,
    refuses_damaged_json,
    reads_odd_inputs,
    inspects_what_it_would_read,
    encodes_to_the_shape_it_promises,
    refuses_hostile_inputs,
    refuses_hostile_paths,
    one_bad_input_is_one_problem,
)
