"""Texts, sounds and tables with defaults alone, beside the same run's baselines: `python -m benchmarks.kinds DATA`.

DATA is a folder with text/, audio/ and tables/ as benchmarks/README.md describes them. Each (data set, seed) is one
cell: a process `unfazed train SOURCE …`, timed from outside; the model and its baselines train, choose and are tested
on the same rows. Cells are kept under benchmarks/cells and not run again; the table is benchmarks/kinds.md, written
once all are there. Further words choose the sets that have one of them in their names. `--busy` marks times as those of
a shared machine.
"""

import csv
import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.tables import CELLS, publish

SEEDS = (0, 1, 2)
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
ADULT = ("age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,sex,capital_gain,"
         "capital_loss,hours_per_week,native_country,income")  # fmt: skip
WINE = ("fixed_acidity,volatile_acidity,citric_acid,residual_sugar,chlorides,free_sulfur_dioxide,total_sulfur_dioxide,"
        "density,pH,sulphates,alcohol,quality")  # fmt: skip
BIKES = "season,yr,mnth,hr,holiday,weekday,workingday,weathersit,temp,atemp,hum,windspeed"  # not its own two parts


class Set(NamedTuple):
    """A data set: how its files become a source in a folder of their own, and what the command says besides."""

    name: str
    source: Callable[[Path, Path], Path]
    flags: tuple[str, ...] = ()


def _link(path: str) -> Callable[[Path, Path], Path]:
    return lambda data, folder: data / path


def _trec(data: Path, folder: Path) -> Path:
    """Lines "label words …" as tables."""
    for split in ("train", "test"):
        lines = (data / f"text/trec6_{split}.txt").read_text(encoding="latin-1").splitlines()
        write_table(folder / f"{split}.csv", ["label", "question"], (line.split(" ", 1) for line in lines if line))
    return folder


def _adult(data: Path, folder: Path) -> Path:
    """Both files under the names that `adult.names` gives their columns."""
    for split in ("train", "test"):
        lines = (data / f"tables/adult_{split}.csv").read_text().splitlines()
        rows = ([cell.strip().rstrip(".") for cell in line.split(",")] for line in lines if line.count(",") == 14)
        write_table(folder / f"{split}.csv", ADULT.split(","), rows)
    return folder


def _wine(data: Path, folder: Path) -> Path:
    (folder / "wine.csv").write_text(f"{WINE}\n{(data / 'tables/winequality-red.csv').read_text()}")
    return folder / "wine.csv"


def digits(held_out: str | None) -> Callable[[Path, Path], Path]:
    """Spoken digits with their speakers; one speaker may be the test."""

    def write(data: Path, folder: Path) -> Path:
        with tarfile.open(data / "audio/fsdd.tar") as archive:
            archive.extractall(folder, filter="data")
        names = sorted(path.name for path in (folder / "fsdd/recordings").glob("*.wav"))
        rows = ([f"fsdd/recordings/{name}", *name.split("_")[:2]] for name in names)
        head = ["path", "digit", "speaker"]
        if held_out is None:
            write_table(folder / "digits.csv", head, rows)
        else:
            split = ([*row, "test" if row[2] == held_out else "train"] for row in rows)
            write_table(folder / "digits.csv", [*head, "split"], split)
        return folder / "digits.csv"

    return write


def write_table(path: Path, head: list[str], rows: Any) -> None:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


SETS = (
    Set("AG News (its test file)", _link("text/agnews_test.csv"), ("--no-header", "--target", "0", "--input", "1,2")),
    Set("banking77", _link("text/banking77")),
    Set("TREC, 6 kinds", _trec),
    Set("SMS spam", _link("text/sms_spam.tsv"), ("--no-header", "--target", "0")),
    Set("spoken digits, at random", digits(None), ("--target", "digit")),
    *(
        Set(f"spoken digits, by speaker: {name}", digits(name), ("--target", "digit", "--group", "speaker"))
        for name in SPEAKERS
    ),
    Set("adult, income", _adult, ("--target", "income")),
    Set("red wine, quality as classes", _wine, ("--target", "quality")),
    Set("red wine, quality as a number", _wine, ("--target", "quality", "--task", "regression")),
    Set("California, house values", _link("tables/california_housing.csv"), ("--target", "median_house_value")),
    Set("bike sharing, by time", _link("tables/bike_sharing_hourly.csv"),
        ("--target", "cnt", "--time", "instant", "--input", BIKES)),
)  # fmt: skip


def main(data: Path, wanted: list[str], busy: bool) -> None:
    """Run the cells that are missing, the first seed of every set first."""
    CELLS.mkdir(exist_ok=True)
    chosen = [one for one in SETS if not wanted or any(word in one.name for word in wanted)]
    for seed in SEEDS:
        for one in chosen:
            path = _cell(one, seed)
            if not path.exists():
                cell = {**measured(one, seed, data), "busy": busy}
                path.write_text(json.dumps(cell, indent=1))
                print(f"{one.name}, seed {seed}: {cell['score']['value']:.4f} in {cell['seconds']:.0f} s", flush=True)
            publish("kinds.md", table(), (_cell(one, seed) for one in SETS for seed in SEEDS))


def _cell(one: Set, seed: int) -> Path:
    return CELLS / f"kinds-{one.name.replace(' ', '-').replace(',', '').replace(':', '')}-{seed}.json"


def measured(one: Set, seed: int, data: Path) -> dict[str, Any]:
    """One whole command: its seconds, and what its report says of the model and of its baselines."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, run = Path(scratch) / "data", Path(scratch) / "run"
        folder.mkdir()
        source = one.source(data.absolute(), folder)
        command = [sys.executable, "-m", "unfazed", "train", str(source), "--out", str(run), "--seed", str(seed)]
        started = time.perf_counter()
        subprocess.run([*command, "--quiet", *one.flags], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        report = json.loads((run / "report.json").read_text())
    metric = "accuracy" if report["classes"] else "r2"
    return {
        "seconds": seconds,
        "metric": metric,
        "score": report["test"][metric],
        "beside": {name: its["test"][metric] for name, its in report["baselines"].items() if metric in its["test"]},
        "rows": report["counts"]["train"],
        "device": report["origin"]["device"],
    }


def table() -> str:
    """The cells that there are, as Markdown: mean, lowest and highest over seeds."""
    lines = [
        "# Texts, sounds and tables with defaults",
        "",
        "`unfazed train SOURCE`, no hyperparameter said. Accuracy on test rows, or R² where a number is predicted;",
        "mean over seeds, lowest and highest beside it, on the same rows as the baselines of the same run: TF-IDF with",
        "logistic regression for texts, a linear model on the loudness of each band for sounds, a linear model and",
        "scikit-learn's histogram gradient boosting for tables. Times are medians of the runs that had the machine to",
        "themselves (how many, in brackets); none where no run had.",
        "",
        "| data | training rows | test n | seeds | score | linear | boosting | whole command |",
        "|---|---|---|---|---|---|---|---|",
        *_rows(),
    ]
    devices = sorted({json.loads(path.read_text())["device"] for path in CELLS.glob("kinds-*.json")})
    return "\n".join([*lines, "", f"Measured on: {', '.join(devices)}."]) + "\n"


def _rows() -> Iterator[str]:
    for one in SETS:
        if cells := [_read(one, seed) for seed in SEEDS if _cell(one, seed).exists()]:
            yield _row(one.name, cells)
    folds = [one for one in SETS if "by speaker" in one.name]
    whole = [seed for seed in SEEDS if all(_cell(one, seed).exists() for one in folds)]
    if whole:
        means = [_mean([_read(one, seed) for one in folds]) for seed in whole]
        yield _row("**spoken digits, by speaker: mean of the six**", means)


def _read(one: Set, seed: int) -> dict[str, Any]:
    cell: dict[str, Any] = json.loads(_cell(one, seed).read_text())
    return cell


def _mean(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """One cell with the mean scores of several, of which no time is told."""
    def mean(estimates: list[dict[str, Any]]) -> dict[str, Any]:
        return {"value": statistics.mean(one["value"] for one in estimates), "n": estimates[0]["n"]}

    beside = {name: mean([cell["beside"][name] for cell in cells]) for name in cells[0]["beside"]}
    return {**cells[0], "score": mean([cell["score"] for cell in cells]), "beside": beside, "busy": True}


def _row(name: str, cells: list[dict[str, Any]]) -> str:
    quiet = [cell for cell in cells if not cell.get("busy")]
    took = f"{statistics.median(cell['seconds'] for cell in quiet):.0f} s ({len(quiet)})" if quiet else "–"
    first = cells[0]
    beside = [
        _spread([cell["beside"][key] for cell in cells], first["metric"]) if key in first["beside"] else "–"
        for key in ("linear", "boosting")
    ]
    return (
        f"| {name} | {first['rows']:,} | {first['score']['n']:,} | {len(cells)} | "
        f"**{_spread([cell['score'] for cell in cells], first['metric'])}** | {beside[0]} | {beside[1]} | "
        f"{took} |"
    )


def _spread(estimates: list[dict[str, Any]], metric: str) -> str:
    scale, digits, unit = (100, 1, " %") if metric == "accuracy" else (1, 3, "")
    values = [scale * estimate["value"] for estimate in estimates]
    said = f"{statistics.mean(values):.{digits}f}{unit}"
    return said if len(values) == 1 else f"{said} ({min(values):.{digits}f}–{max(values):.{digits}f})"


if __name__ == "__main__":
    _, data, *words = [word for word in sys.argv if word != "--busy"]
    main(Path(data), words, busy="--busy" in sys.argv)
