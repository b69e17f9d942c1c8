"""Data sets that need no download: written once as ordinary files, then used like anybody's data."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

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
    """The folder of "sample:NAME"; any other source as it is."""
    return sample(source.removeprefix(PREFIX)) if isinstance(source, str) and source.startswith(PREFIX) else source


def _digits(folder: Path) -> None:
    """1,797 handwritten digits of 8 x 8 pixels in a folder a digit (Alpaydin and Kaynak 1998, UCI repository)."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (image, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        place = folder / str(digit)
        place.mkdir(exist_ok=True)
        Image.fromarray((image * (255 / 16)).round().astype("uint8")).save(place / f"{number:04}.png")


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


SAMPLES: dict[str, Callable[[Path], None]] = {"digits": _digits, "docstrings": write_docstrings}
