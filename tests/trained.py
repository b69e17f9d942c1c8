"""One small run, trained once for all the tests of a process that read runs."""

import subprocess
import time
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


def has_a_second_opinion(run: Run, least: float) -> bool:
    """Whether a simple model says what rows it has not seen are, with probabilities, rightly of more than `least`."""
    found = run.scores()["out_of_sample"].astype(np.float64)
    sound = found.shape == run.scores()["probs"].shape and np.allclose(found.sum(1), 1, atol=0.01)
    return bool(sound and (found.argmax(1) == run.table().y()).mean() > least)


def waited_for(path: Path, process: "subprocess.Popen[str]") -> None:
    """Return once `path` is there; fail where the process that is to write it ends before."""
    for _ in range(1200):
        if path.exists():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")
