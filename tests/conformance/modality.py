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
from unfazed.modality.choice import chosen
from unfazed.reading import parallel, reading
from unfazed.recipe import Recipe
from unfazed.source import SourceOptions


@dataclass(frozen=True)
class Specimen:
    """A modality with inputs to try it on."""

    modality: Modality
    suffix: str  # of a file that holds one input; empty where there are none
    good: Callable[[int], bytes]  # the content of a good input, different for each number
    source: Callable[[Path], Path]  # a source of good inputs in the classes ant and bee, written into a new folder
    inspected: Callable[[Any], Any]  # what `inspect` has to find, from what `read` gave
    settings: tuple[Recipe, ...] = (Recipe(),)  # to fit with
    odd: Mapping[str, bytes] = field(default_factory=dict)  # unusual, but must be read
    hostile: Mapping[str, bytes] = field(default_factory=dict)  # must be refused with an InputError
    damaged_json: tuple[str, ...] = ()  # texts that must be refused as a preprocessor, besides the usual ones

    def fitted(self, recipe: Recipe, count: int = 4) -> Any:
        """A preprocessor for the first good inputs."""
        return self.modality.fit([self.modality.inspect(self.good(number)) for number in range(count)], recipe)


def class_folders(suffix: str, good: Callable[[int], bytes]) -> Callable[[Path], Path]:
    """What writes a folder of class folders with good files."""

    def write(root: Path) -> Path:
        for number in range(8):
            place = root / ("ant", "bee")[number % 2]
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number}{suffix}").write_bytes(good(number))
        return root

    return write


def alike(one: Any, other: Any) -> bool:
    """Whether two raw inputs are the same."""
    if isinstance(one, tuple):
        return all(alike(part, its) for part, its in zip(one, other, strict=True))
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else bool(one == other)


def finds_rows_in_a_stable_order(specimen: Specimen, tmp_path: Path) -> None:
    root = specimen.source(tmp_path / "source")
    assert chosen(root, SourceOptions()).name == specimen.modality.name, "it is chosen by what the source holds"
    first, second = (specimen.modality.find(root, SourceOptions()) for _ in range(2))
    assert first.frame.equals(second.frame)
    assert first.classes == ["ant", "bee"]
    assert first.frame["id"].is_unique().all()
    assert specimen.modality.values or all(Path(path).is_absolute() for path in first.frame["input"])


def loads_what_stands_for_each_row(specimen: Specimen, tmp_path: Path) -> None:
    table = specimen.modality.find(specimen.source(tmp_path / "source"), SourceOptions())
    for item in table.frame["input"]:
        raw = specimen.modality.read(specimen.modality.load(item))
        assert alike(specimen.modality.read(item), raw), "the predictor is given the input itself"


def refuses_a_source_without_inputs(specimen: Specimen, tmp_path: Path) -> None:
    (tmp_path / "ant").mkdir()
    (tmp_path / "ant" / "notes.unknown").write_text("nothing to see")
    with pytest.raises(SourceError, match=r"\.unknown"):
        specimen.modality.find(tmp_path, SourceOptions())


def reads_path_text_and_bytes_alike(specimen: Specimen, tmp_path: Path) -> None:
    if not specimen.suffix:
        return
    path = tmp_path / f"one{specimen.suffix}"
    path.write_bytes(specimen.good(0))
    sources = [path, path.read_bytes()] + ([] if specimen.modality.values else [str(path)])
    raws = [specimen.modality.read(source) for source in sources]
    assert all(alike(raws[0], raw) for raw in raws[1:])


def fits_and_encodes_every_setting(specimen: Specimen, tmp_path: Path) -> None:
    raws = [specimen.modality.read(specimen.good(number)) for number in range(4)]
    for setting in specimen.settings:
        preprocessor = specimen.fitted(setting)
        encoded = [specimen.modality.encode(raw, preprocessor) for raw in raws]
        assert len({(array.shape, array.dtype) for array in encoded}) == 1
        assert all(array.flags.c_contiguous for array in encoded)
        assert not np.array_equal(encoded[0], encoded[1]), "different inputs must stay different"


def encodes_purely(specimen: Specimen, tmp_path: Path) -> None:
    """The same raw gives the same array, and nothing handed in is changed."""
    raw = copy.deepcopy(specimen.modality.read(specimen.good(0)))
    before = copy.deepcopy(raw)
    for setting in specimen.settings:
        preprocessor = specimen.fitted(setting)
        known = copy.deepcopy(preprocessor)
        first = specimen.modality.encode(raw, preprocessor)
        kept = first.copy()
        specimen.modality.encode(specimen.modality.read(specimen.good(1)), preprocessor)
        second = specimen.modality.encode(raw, preprocessor)
        assert np.array_equal(kept, first, equal_nan=first.dtype.kind == "f")
        assert np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
        assert alike(raw, before) and preprocessor == known
        first[...] = 0  # an array of its own: writing to it must not reach the raw input
        assert alike(raw, before)


def survives_json(specimen: Specimen, tmp_path: Path) -> None:
    raw = specimen.modality.read(specimen.good(0))
    for setting in specimen.settings:
        preprocessor = specimen.fitted(setting)
        again = specimen.modality.preprocessor.from_json(preprocessor.to_json())
        assert again == preprocessor
        first, second = (specimen.modality.encode(raw, one) for one in (again, preprocessor))
        assert np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def refuses_damaged_json(specimen: Specimen, tmp_path: Path) -> None:
    usual = ("", "{", "null", "[]", "7", "{}", '{"format": 99}', '{"format": 1, "modality": "smell"}', "[" * 100_000)
    for text in (*usual, *specimen.damaged_json):
        with pytest.raises(RunError):
            specimen.modality.preprocessor.from_json(text)


def reads_odd_inputs(specimen: Specimen, tmp_path: Path) -> None:
    for setting in specimen.settings:
        preprocessor = specimen.fitted(setting)
        for name, data in specimen.odd.items():
            array = specimen.modality.encode(specimen.modality.read(data), preprocessor)
            assert array.shape == preprocessor.shape, name


def inspects_what_it_would_read(specimen: Specimen, tmp_path: Path) -> None:
    for name, data in {"good": specimen.good(1), **specimen.odd}.items():
        assert alike(specimen.modality.inspect(data), specimen.inspected(specimen.modality.read(data))), name
    for name, data in specimen.hostile.items():
        try:
            specimen.modality.inspect(data)
        except InputError as error:
            assert 0 < len(str(error)) <= 160 and "\n" not in str(error), name


def encodes_to_the_shape_it_promises(specimen: Specimen, tmp_path: Path) -> None:
    raw = specimen.modality.read(specimen.good(0))
    for setting in specimen.settings:
        preprocessor = specimen.fitted(setting)
        array = specimen.modality.encode(raw, preprocessor)
        assert array.shape == preprocessor.shape and array.dtype == preprocessor.dtype
        length = specimen.modality.length(array[None])
        assert length.shape == (1,) and 0 < length[0] <= array.shape[-1]


def refuses_hostile_inputs(specimen: Specimen, tmp_path: Path) -> None:
    """From memory and from disk alike, with a short reason in one line."""
    for name, data in specimen.hostile.items():
        sources: list[Any] = [data]
        if specimen.suffix:
            sources.append(tmp_path / f"hostile{specimen.suffix}")
            sources[1].write_bytes(data)
        for source in sources:
            with pytest.raises(InputError) as caught:
                specimen.modality.read(source)
            assert 0 < len(str(caught.value)) <= 160 and "\n" not in str(caught.value), name


def refuses_hostile_paths(specimen: Specimen, tmp_path: Path) -> None:
    sources: list[Any] = [7, None, ["list"], 1.5]
    if specimen.suffix:
        (tmp_path / f"folder{specimen.suffix}").mkdir()
        (tmp_path / f"dangling{specimen.suffix}").symlink_to(tmp_path / "gone")
        (tmp_path / f"loop{specimen.suffix}").symlink_to(tmp_path / f"loop{specimen.suffix}")
        names = ["folder", "dangling", "loop", "missing", "n" * 5000, "null\0byte"]
        sources += [tmp_path / f"{name}{specimen.suffix}" for name in names]
    if not specimen.modality.values:
        sources += ["", "https://example.org/one"]
    for source in sources:
        with pytest.raises(InputError):
            specimen.modality.read(source)


def one_bad_input_is_one_problem(specimen: Specimen, tmp_path: Path) -> None:
    """Reading goes on around inputs that fail, in order, with the hash of each file's bytes."""
    if specimen.modality.values:
        return
    root = specimen.source(tmp_path / "source")
    for number, data in enumerate(specimen.hostile.values()):
        (root / "ant" / f"hostile {number}{specimen.suffix}").write_bytes(data)
    table = specimen.modality.find(root, SourceOptions())
    read = list(parallel(lambda path: reading(path, specimen.modality.read), table.frame["input"]))
    assert len(read) == len(table)
    for row, one in zip(table.frame.iter_rows(named=True), read, strict=True):
        assert (one.problem is not None) == ("hostile" in row["id"]), (row["id"], one.problem)
        assert (one.raw is None) == (one.problem is not None)
        assert one.sha256 == sha256(Path(row["input"]).read_bytes()).hexdigest()


CHECKS: tuple[Callable[[Specimen, Path], None], ...] = (
    finds_rows_in_a_stable_order,
    loads_what_stands_for_each_row,
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
