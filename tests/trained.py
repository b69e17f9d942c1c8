"""One small run, trained once for all the tests of a process that read runs."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from PIL import Image

import unfazed
from unfazed.run import Run

SETTINGS = {"epochs": 5, "width": 8, "batch_size": 16, "learning_rate": 0.02}


def digits(folder: Path, first: int = 0, count: int = 300, classes: int = 4) -> Path:
    """Real handwritten digits as class folders of PNG files, from the `first` on."""
    from sklearn.datasets import load_digits

    data = load_digits()
    rows = np.flatnonzero(data.target < classes)[first : first + count]
    for row in rows:
        path = folder / f"digit {data.target[row]}" / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((data.images[row] * 15.9).astype(np.uint8)).save(path)
    return folder


@cache
def source() -> Path:
    """The folder that `run` was trained on."""
    return digits(Path(mkdtemp(prefix="unfazed-test-")) / "digits")


@cache
def run() -> Run:
    """A finished run; tests that change it copy it first."""
    return unfazed.train(source(), out=source().parent / "run", progress=False, **SETTINGS)
