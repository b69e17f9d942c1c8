"""Training on more data than memory: `python -m benchmarks.flat_memory [FOLDER]`.

Two runs of `unfazed train`, on few and on many synthetic JPEG images. The second may allocate only ROOM bytes more than
the first did (RLIMIT_DATA, which counts what a process may write to, not the files it maps), and its encoded images are
ten times as much. Anonymous resident memory is sampled throughout. Images, and the cells that are finished, are kept in
FOLDER (else a temporary one) and not made again. The table is written to benchmarks/flat_memory.md.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE, CLASSES = 96, 4
RECORD = 3 * SIDE * SIDE
ROOM = 128_000_000
FEW = 30_000  # enough for every part whose size is bounded to reach its bound
MANY = 10 * ROOM // RECORD
SETTINGS = {"epochs": 2, "width": 4, "batch_size": 64, "precision": "float32", "flip": "none"}


def main(folder: Path) -> None:
    """Make the images and run the cells that are missing, then write the table."""
    few = _cell(folder, "few", FEW, None)
    many = _cell(folder, "many", MANY, few["peak_data"] + ROOM)
    text = table(few, many)
    (Path(__file__).parent / "flat_memory.md").write_text(text)
    print(text)


def _cell(folder: Path, name: str, count: int, limit: int | None) -> dict[str, Any]:
    path = folder / f"{name}.json"
    if not path.exists():
        images(folder / name, count)
        command = [sys.executable, "-m", "benchmarks.flat_memory", "--child", str(folder), name, str(limit or 0)]
        subprocess.run(command, check=True, env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")})
    told: dict[str, Any] = json.loads(path.read_text())
    return told


def images(folder: Path, count: int) -> None:
    """JPEG images of blurred noise, a tint a class."""
    draw = np.random.default_rng(count)
    for number in range(count):
        path = folder / f"class {number % CLASSES}" / f"{number}.jpg"
        small = draw.integers(0, 200, (6, 6, 3), dtype=np.uint8)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            small[:, :, number % CLASSES % 3] += np.uint8(10 * (number % CLASSES))
            Image.fromarray(small).resize((SIDE, SIDE)).save(path, quality=80)


def child(folder: Path, name: str, limit: int) -> None:
    """One run, within its limit, watched by a thread."""
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    from unfazed.report.events import Finished
    from unfazed.verb.train import separated, training_events

    stage, peaks = ["starting"], dict.fromkeys(("VmData", "RssAnon"), 0)
    by_stage: dict[str, int] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            now = _status()
            for kind in peaks:
                peaks[kind] = max(peaks[kind], now[kind])
            by_stage[stage[0]] = max(by_stage.get(stage[0], 0), now["RssAnon"])

    threading.Thread(target=watch, daemon=True).start()
    started = time.perf_counter()
    out = Path(tempfile.mkdtemp(dir=folder)) / "run"
    for event in training_events(folder / name, *separated(SETTINGS, None), out):
        kind = type(event).__name__
        stage[0] = getattr(event, "stage", {"Found": "planning", "Planned": "training"}.get(kind, stage[0]))
        if isinstance(event, Finished):
            run = event.run
    seconds = time.perf_counter() - started
    done.set()
    cell = {
        "images": len(run.table()),
        "limit": limit,
        "peak_data": peaks["VmData"],
        "peak_anonymous": peaks["RssAnon"],
        "by_stage": by_stage,
        "seconds": seconds,
        "shuffle": run.recipe.shuffle,
        "accuracy": run.report["test"]["accuracy"]["value"],
    }
    (folder / f"{name}.json").write_text(json.dumps(cell, indent=1))


def _status() -> dict[str, int]:
    """Bytes by kind, as Linux counts them."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {words[0].rstrip(":"): 1024 * int(words[1]) for words in lines if words[-1] == "kB"}


def table(few: dict[str, Any], many: dict[str, Any]) -> str:
    """The two runs side by side."""
    encoded = [cell["images"] * RECORD for cell in (few, many)]
    growth = many["peak_anonymous"] - few["peak_anonymous"]
    rows = [
        ("images", *(f"{cell['images']:,}" for cell in (few, many))),
        ("encoded images", *(_mb(size) for size in encoded)),
        ("limit of RLIMIT_DATA", "none", f"{_mb(many['limit'])}, {_mb(ROOM)} over what few images took"),
        ("shuffle (auto)", few["shuffle"], many["shuffle"]),
        ("whole command", *(f"{cell['seconds']:.0f} s" for cell in (few, many))),
        *(
            (f"anonymous memory, {stage}", *(_mb(cell["by_stage"].get(stage, 0)) for cell in (few, many)))
            for stage in many["by_stage"]
        ),
        ("**anonymous memory, peak**", *(f"**{_mb(cell['peak_anonymous'])}**" for cell in (few, many))),
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return (
        "# Training on more data than memory\n\n"
        f"`unfazed train` on JPEG images of {SIDE} × {SIDE} pixels, {SETTINGS['epochs']} epochs of a small network "
        "(`benchmarks/flat_memory.py`).\n\n"
        "| | few images | ten times the room |\n|---|---|---|\n" + "\n".join(lines) + "\n\n"
        f"{_mb(encoded[1] - encoded[0])} more of encoded images, {_mb(growth)} more of anonymous memory: "
        f"{growth / (many['images'] - few['images']):.0f} bytes an image, of {RECORD:,} that it has.\n"
    )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    elif len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
