"""Data sets that need no download: written once as ordinary files, then used like anybody's data."""

import csv
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unfazed import source_hub
from unfazed.docstrings import write_docstrings
from unfazed.errors import SourceError, did_you_mean
from unfazed.files import cache_folder

PREFIX = "sample:"


def sample(name: str, cache: Path | None = None) -> Path:
    """The folder of a sample data set, written on first use.

    cache: where it is kept; else $XDG_CACHE_HOME/unfazed or ~/.cache/unfazed.

    Raises:
        SourceError: there is no sample of this name, or no room for it.
    """
    if name not in SAMPLES:
        raise SourceError(f'there is no sample "{name}"; there are: {", ".join(SAMPLES)}.{did_you_mean(name, SAMPLES)}')
    folder = (cache or cache_folder()) / "samples" / name
    if not folder.is_dir():
        try:
            _write(folder, SAMPLES[name])
        except OSError as error:
            raise SourceError(f"cannot write the sample {name} to {folder}: {error.strerror}. "
                              "Set XDG_CACHE_HOME to a folder with room") from error
    return folder


def local(source: object) -> object:
    """The folder of "sample:NAME" or the table in it, the rows of "hf:NAME" or of a data set of that library;
    other sources as they are.

    Raises:
        SourceError: there is no such data set. UsageError: the library is not installed.
    """
    if isinstance(source, str) and source.startswith(PREFIX):
        files = list(sample(source.removeprefix(PREFIX)).iterdir())
        return files[0] if len(files) == 1 and files[0].suffix == ".csv" else files[0].parent
    if isinstance(source, str) and source.startswith(source_hub.PREFIX):
        return source_hub.loaded(source.removeprefix(source_hub.PREFIX))
    return source_hub.rows_of(source) if source_hub.is_data_set(source) else source


def _digits(folder: Path) -> None:
    """1,797 handwritten digits of 8 x 8 pixels in a folder a digit (Alpaydin and Kaynak 1998, UCI repository)."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (image, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        place = folder / str(digit)
        place.mkdir(exist_ok=True)
        Image.fromarray((image * (255 / 16)).round().astype("uint8")).save(place / f"{number:04}.png")


def _synthetic_sounds(folder: Path) -> None:
    """720 sounds made from formulas, WAVs in a folder a kind: see `sample_sounds`."""
    import wave

    from unfazed.sample_sounds import RATE, sounds

    for kind, number, samples in sounds():
        place = folder / kind
        place.mkdir(exist_ok=True)
        with wave.open(str(place / f"{number:03}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, len(samples), "NONE", ""))
            file.writeframes(samples.astype("<i2").tobytes())


def _write(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder beside its place and rename it: nobody sees half a sample, and two writers do not collide."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    part.chmod(0o755)
    try:
        fill(part)
        part.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _wine(folder: Path) -> None:
    """178 wines of three growers in 13 chemical measurements (Aeberhard and Forina 1992, UCI repository)."""
    from sklearn.datasets import load_wine

    _write_table(load_wine(), folder / "wine.csv")


def _breast_cancer(folder: Path) -> None:
    """569 tumours in 30 measurements of their cell nuclei (Wolberg, Street and Mangasarian 1995, UCI repository)."""
    from sklearn.datasets import load_breast_cancer

    _write_table(load_breast_cancer(), folder / "breast_cancer.csv")


def _diabetes(folder: Path) -> None:
    """442 patients and the progression of their disease a year later, a number (Efron et al. 2004, Ann. Stat.)."""
    from sklearn.datasets import load_diabetes

    _write_table(load_diabetes(scaled=False), folder / "diabetes.csv")


def _write_table(bunch: Any, path: Path) -> None:
    """A data set of scikit-learn as a CSV with the column "target": names of classes, or numbers."""
    names = getattr(bunch, "target_names", None)
    targets = bunch.target.tolist() if names is None else names[bunch.target].tolist()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*bunch.feature_names, "target"])
        writer.writerows([*values, target] for values, target in zip(bunch.data.tolist(), targets, strict=True))


SAMPLES: dict[str, Callable[[Path], None]] = {
    "digits": _digits,
    "docstrings": write_docstrings,
    "synthetic-sounds": _synthetic_sounds,
    "wine": _wine,
    "breast_cancer": _breast_cancer,
    "diabetes": _diabetes,
}
