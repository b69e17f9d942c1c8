"""Training runs with a known flaw, or with none: what `benchmarks.diagnosis` asks the diagnosis about.

The list was written, and divided by data set, before the rules of the diagnosis were: the rules were made looking at
the half called "rules" only, the half called "untouched" was run and looked at once, at the end. Every regime has one
answer. Each is small: a few hundred to two thousand training rows, some seconds of training.
"""

import csv
import tarfile
import wave
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SIDES = ("train", "validation", "test")
Row = tuple[list[str], str]  # inputs, label
Sides = dict[str, list[Row]]


class Data(NamedTuple):
    """Labelled rows in a fixed order; `head` names the columns of an input."""

    head: list[str]
    rows: list[Row]


class Regime(NamedTuple):
    """One run whose diagnosis is known."""

    name: str
    half: str  # "rules" or "untouched"
    answer: str  # a cause of `unfazed.analysis.diagnosis`
    data: Callable[[Path, Path], Data]  # from the folder of downloads and a folder to unpack into
    counts: tuple[int, int, int] | dict[str, tuple[int, int, int]]  # rows a side, in all or by label
    change: Callable[[Sides, Data, Path], Data]
    settings: Mapping[str, Any]


# Data sets


def files(folder: Callable[[Path, Path], Path], classes: Sequence[str] = ()) -> Callable[[Path, Path], Data]:
    """Files in a folder a class."""

    def read(data: Path, scratch: Path) -> Data:
        root = folder(data, scratch)
        names = classes or sorted(path.name for path in root.iterdir() if path.is_dir())
        return Data(["path"], [([str(path)], name) for name in names for path in sorted((root / name).iterdir())])

    return read


def sample(name: str) -> Callable[[Path, Path], Path]:
    """A data set that needs no download."""

    def folder(data: Path, scratch: Path) -> Path:
        from unfazed.samples import sample as written

        return written(name)

    return folder


def unpacked(name: str, inner: str = "") -> Callable[[Path, Path], Path]:
    """An archive of the downloads."""

    def folder(data: Path, scratch: Path) -> Path:
        place = scratch / Path(name).stem
        if not place.is_dir():
            with tarfile.open(data / name) as archive:
                archive.extractall(scratch, filter="data")
        return place / inner

    return folder


def docstrings(classes: Sequence[str] = ()) -> Callable[[Path, Path], Data]:
    """The sample of docstrings, as texts in a table."""

    def read(data: Path, scratch: Path) -> Data:
        found = files(sample("docstrings"), classes)(data, scratch)
        return Data(["text"], [([Path(row[0]).read_text(encoding="utf-8")], label) for row, label in found.rows])

    return read


def table(name: str, target: str = "target") -> Callable[[Path, Path], Data]:
    """A sample that is one table."""

    def read(data: Path, scratch: Path) -> Data:
        (path,) = sample(name)(data, scratch).glob("*.csv")
        return rows_of(path, target)

    return read


def rows_of(path: Path, target: str) -> Data:
    """A CSV with names of its columns."""
    with path.open(newline="", encoding="utf-8") as lines:
        head, *rows = list(csv.reader(lines))
    at = head.index(target)
    return Data([*head[:at], *head[at + 1 :]], [([*row[:at], *row[at + 1 :]], row[at]) for row in rows])


def spoken_digits(data: Path, scratch: Path) -> Data:
    """Spoken digits; the label is the first part of a file's name."""
    folder = unpacked("audio/fsdd.tar", "recordings")(data, scratch)
    return Data(["path"], [([str(path)], path.name.split("_")[0]) for path in sorted(folder.glob("*.wav"))])


def sms(data: Path, scratch: Path) -> Data:
    """Short messages, wanted or not."""
    lines = (data / "text/sms_spam.tsv").read_text(encoding="utf-8").splitlines()
    return Data(["text"], [([text], label) for label, _, text in (line.partition("\t") for line in lines)])


def trec(data: Path, scratch: Path) -> Data:
    """Questions of six kinds."""
    lines = (data / "text/trec6_train.txt").read_text(encoding="latin-1").splitlines()
    return Data(["text"], [([text], label) for label, _, text in (line.partition(" ") for line in lines) if text])


def news(data: Path, scratch: Path) -> Data:
    """News of four topics."""
    with (data / "text/agnews_test.csv").open(newline="", encoding="utf-8") as lines:
        return Data(["text"], [([f"{row[1]} {row[2]}"], row[0]) for row in csv.reader(lines)])


def adult(data: Path, scratch: Path) -> Data:
    """Income of people above a bound or not."""
    from benchmarks.kinds import ADULT

    lines = (data / "tables/adult_train.csv").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split(",")] for line in lines if line.count(",") == 14]
    return Data(ADULT.split(",")[:-1], [(row[:-1], row[-1]) for row in rows])


def california(data: Path, scratch: Path) -> Data:
    """House values of districts."""
    return rows_of(data / "tables/california_housing.csv", "median_house_value")


def red_wine(data: Path, scratch: Path) -> Data:
    """Quality of wines, a number."""
    from benchmarks.kinds import WINE

    lines = (data / "tables/winequality-red.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines if line]
    return Data(WINE.split(",")[:-1], [(row[:-1], row[-1]) for row in rows])


def pairs_of_digits(data: Path, scratch: Path) -> Data:
    """Two handwritten digits side by side: a hundred classes."""
    from PIL import Image

    found, draw = files(sample("digits"))(data, scratch), np.random.default_rng(0)
    (scratch / "pairs").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(3000):
        one, two = (found.rows[row] for row in draw.integers(0, len(found.rows), 2))
        picture = Image.new("L", (16, 16))
        picture.paste(Image.open(one[0][0]), (0, 4))
        picture.paste(Image.open(two[0][0]), (8, 4))
        path = scratch / "pairs" / f"{number:04}.png"
        picture.save(path)
        rows.append(([str(path)], f"{one[1]} and {two[1]}"))
    return Data(["path"], rows)


# What is done to them


def as_it_is(sides: Sides, data: Data, folder: Path) -> Data:
    """Nothing."""
    return data


def relabelled(change: Callable[[Sequence[str], np.random.Generator], list[str]]) -> Callable[..., Data]:
    """New labels on every side, from those of all sides."""

    def changed(sides: Sides, data: Data, folder: Path) -> Data:
        draw = np.random.default_rng(1)
        for side, rows in sides.items():
            labels = change([label for _, label in rows], draw)
            sides[side] = [(inputs, label) for (inputs, _), label in zip(rows, labels, strict=True)]
        return data

    return changed


def symmetric(labels: Sequence[str], draw: np.random.Generator) -> list[str]:
    """Three in ten become any other class."""
    classes = sorted(set(labels))
    wrong = draw.random(len(labels)) < 0.3
    return [str(draw.choice([c for c in classes if c != label])) if bad else label
            for label, bad in zip(labels, wrong, strict=True)]  # fmt: skip


def pair(labels: Sequence[str], draw: np.random.Generator) -> list[str]:
    """Three in ten become the next class."""
    classes = sorted(set(labels))
    wrong = draw.random(len(labels)) < 0.3
    return [classes[(classes.index(label) + 1) % len(classes)] if bad else label
            for label, bad in zip(labels, wrong, strict=True)]  # fmt: skip


def shuffled(labels: Sequence[str], draw: np.random.Generator) -> list[str]:
    """In any order."""
    return [labels[row] for row in draw.permutation(len(labels))]


def grey(sides: Sides, data: Data, folder: Path) -> Data:
    """Pictures, or sounds, that show nothing but the last bit of noise."""
    from PIL import Image

    draw = np.random.default_rng(2)
    for side, rows in sides.items():
        for number, (inputs, _) in enumerate(rows):
            path = folder / f"{side}-{number}{Path(inputs[0]).suffix.replace('jpg', 'png')}"
            if path.suffix == ".wav":
                with wave.open(str(path), "wb") as file:
                    file.setparams((1, 2, 8000, 4000, "NONE", ""))
                    file.writeframes(draw.integers(-1, 2, 4000).astype("<i2").tobytes())
            else:
                Image.fromarray(draw.integers(127, 129, (32, 32), dtype=np.uint8)).save(path)
            inputs[0] = str(path)
    return data


def copies(sides: Sides, data: Data, folder: Path) -> Data:
    """A copy of every second validation and test picture among the training pictures, a little brighter."""
    from PIL import Image

    for side in SIDES[1:]:
        for number, (inputs, label) in enumerate(sides[side][::2]):
            pixels = np.asarray(Image.open(inputs[0])).astype(int)
            path = folder / f"copy-{side}-{number}.png"
            Image.fromarray(np.clip(pixels + 5, 0, 255).astype(np.uint8)).save(path)
            sides["train"].append(([str(path)], label))
    return data


def told_by_a_column(sides: Sides, data: Data, folder: Path) -> Data:
    """A column that says the target in other words, wrong in one row of a hundred."""
    draw = np.random.default_rng(3)
    classes = sorted({label for rows in sides.values() for _, label in rows})
    for rows in sides.values():
        for inputs, label in rows:
            said = classes[draw.integers(len(classes))] if draw.random() < 0.01 else label
            inputs.append(f"{float(said) * 1.1 + draw.normal() * 1e-3:.5f}" if _number(said) else f"code {said[:9]}")
    return Data([*data.head, "file_number"], data.rows)


def _number(text: str) -> bool:
    try:
        float(text)
        return True
    except ValueError:
        return False


# The list: D is the half that the rules were made with, U the untouched one

BARE = {"weight_decay": 0.0, "ema": 0.0, "patience": 0, "schedule": "constant", "label_smoothing": 0.0}
BARE_PICTURES = {**BARE, "augmentation": 0.0, "flip": "none"}
DIGITS, SOUNDS, DOCS = files(sample("digits")), files(sample("synthetic-sounds")), docstrings()
CANCER, WINES, DIABETES = table("breast_cancer"), table("wine"), table("diabetes")
EASY = docstrings(("maths", "net", "testing"))
CIFAR = files(unpacked("images/cifar10.tar", "train"))
LAND = ("Forest", "Industrial", "Residential", "SeaLake")
EUROSAT = files(unpacked("images/eurosat.tar"), LAND)
CROPS = files(unpacked("images/eurosat.tar"), ("AnnualCrop", "PermanentCrop"))
FLOWERS = files(unpacked("images/flowers5.tar"))
SMALL, THIN = {"image_size": 16}, {"width": 32, "sample_rate": 4000}
CAUSES = ("fine", "too few epochs", "learning rate too low", "learning rate too high", "too small a network",
           "overfitting", "wrong labels", "too little data", "leak", "labels unrelated to inputs",
           "inputs do not vary", "class imbalance")  # fmt: skip
(FINE, SHORT, LOW, HIGH, NARROW, OVER, LABELS, DATA, LEAK, UNRELATED, CONSTANT, IMBALANCE) = CAUSES


def _half(half: str, *rows: tuple[Any, ...]) -> tuple[Regime, ...]:
    return tuple(Regime(name, half, *rest) for name, *rest in rows)


REGIMES = (
    *_half(
        "rules",
        ("digits", FINE, DIGITS, (900, 300, 300), as_it_is, {"epochs": 15}),
        ("digits, one epoch", SHORT, DIGITS, (900, 300, 300), as_it_is, {"epochs": 1}),
        ("digits, rate 1e-6", LOW, DIGITS, (900, 300, 300), as_it_is, {"epochs": 10, "learning_rate": 1e-6}),
        ("digits, rate 1", HIGH, DIGITS, (900, 300, 300), as_it_is, {"epochs": 10, "learning_rate": 1.0}),
        ("pairs of digits, width 4", FINE, pairs_of_digits, (2000, 400, 400), as_it_is,  # wide enough, it turned out
         {"epochs": 25, "width": 4}),
        ("digits, 20 rows", DATA, DIGITS, (20, 300, 300), as_it_is, {}),
        ("digits, 30 % wrong", LABELS, DIGITS, (900, 300, 300), relabelled(symmetric), {"epochs": 15}),
        ("digits, 30 % the next", LABELS, DIGITS, (900, 300, 300), relabelled(pair), {"epochs": 15}),
        ("digits, shuffled", UNRELATED, DIGITS, (900, 300, 300), relabelled(shuffled), {"epochs": 15}),
        ("digits, all grey", CONSTANT, DIGITS, (300, 100, 100), grey, {"epochs": 8}),
        ("digits, copies", LEAK, DIGITS, (900, 300, 300), copies, {"epochs": 12}),
        ("digits, 8 and 3 50:1", IMBALANCE, DIGITS, {"8": (2, 60, 60), "3": (100, 40, 40)}, as_it_is, {"epochs": 6}),
        ("digits, 40 rows for long", OVER, DIGITS, (40, 300, 300), as_it_is,
         {**BARE_PICTURES, "epochs": 120, "learning_rate": 0.003}),
        ("sounds", FINE, SOUNDS, (360, 120, 60), as_it_is, {"epochs": 8, **THIN}),
        ("sounds, one epoch", SHORT, SOUNDS, (360, 120, 60), as_it_is, {"epochs": 1, **THIN}),
        ("sounds, 30 % wrong", LABELS, SOUNDS, (360, 120, 60), relabelled(symmetric), {"epochs": 8, **THIN}),
        ("sounds, shuffled", UNRELATED, SOUNDS, (360, 120, 60), relabelled(shuffled), {"epochs": 6, **THIN}),
        ("sounds, silence", CONSTANT, SOUNDS, (200, 60, 60), grey, {"epochs": 3, **THIN}),
        ("docstrings", DATA, DOCS, (800, 400, 100), as_it_is, {"epochs": 8}),
        ("docstrings, rate 1e-7", LOW, DOCS, (800, 300, 100), as_it_is, {"epochs": 6, "learning_rate": 1e-7}),
        ("docstrings, shuffled", UNRELATED, DOCS, (800, 300, 100), relabelled(shuffled), {"epochs": 6}),
        ("docstrings, 3 areas, 30 % wrong", LABELS, EASY, (800, 400, 100), relabelled(symmetric), {"epochs": 8}),
        ("docstrings, for long", OVER, DOCS, (400, 400, 100), as_it_is, {**BARE, "epochs": 30}),
        ("docstrings, 50:1", IMBALANCE, EASY, {"net": (500, 80, 80), "maths": (10, 80, 80)}, as_it_is, {"epochs": 10}),
        ("breast cancer", FINE, CANCER, (300, 130, 130), as_it_is, {}),
        ("breast cancer, leak", LEAK, CANCER, (300, 130, 130), told_by_a_column, {}),
        ("breast cancer, 30 % wrong", LABELS, CANCER, (300, 130, 130), relabelled(symmetric), {}),
        ("breast cancer, shuffled", UNRELATED, CANCER, (300, 130, 130), relabelled(shuffled), {}),
        ("breast cancer, rate 1e-7", LOW, CANCER, (300, 130, 130), as_it_is, {"learning_rate": 1e-7}),
        ("breast cancer, rate 0.3", FINE, CANCER,  # it learns all the same
         (300, 130, 130), as_it_is, {"learning_rate": 0.3}),
        ("wine, six rows", DATA, WINES, {f"class_{k}": (2, 20, 20) for k in range(3)}, as_it_is, {"epochs": 150}),
        ("wine, one epoch", SHORT, WINES, (80, 45, 45), as_it_is, {"epochs": 1}),
        ("diabetes, rate 1e-7", LOW, DIABETES, (250, 90, 90), as_it_is, {"learning_rate": 1e-7}),
        ("diabetes, shuffled", UNRELATED, DIABETES, (250, 90, 90), relabelled(shuffled), {}),
        ("diabetes, leak", LEAK, DIABETES, (250, 90, 90), told_by_a_column, {}),
    ),
    *_half(
        "untouched",
        ("eurosat, 4 kinds", FINE, EUROSAT, (500, 240, 60), as_it_is, {"epochs": 8, **SMALL}),
        ("cifar10, one epoch", SHORT, CIFAR, (800, 400, 60), as_it_is, {"epochs": 1, **SMALL}),
        ("cifar10, rate 1e-6", LOW, CIFAR, (500, 300, 60), as_it_is, {"epochs": 4, "learning_rate": 1e-6, **SMALL}),
        ("cifar10, rate 1", HIGH, CIFAR, (500, 300, 60), as_it_is, {"epochs": 5, "learning_rate": 1.0, **SMALL}),
        ("cifar10, width 4", NARROW, CIFAR, (2000, 500, 60), as_it_is, {"epochs": 20, "width": 4, **SMALL}),
        ("cifar10, 200 rows", DATA, CIFAR, (200, 400, 60), as_it_is, {"epochs": 20, **SMALL}),
        ("cifar10, shuffled", UNRELATED, CIFAR, (500, 300, 60), relabelled(shuffled), {"epochs": 8, **SMALL}),
        ("eurosat, 30 % wrong", LABELS, EUROSAT, (500, 240, 60), relabelled(symmetric), {"epochs": 8, **SMALL}),
        ("eurosat, 30 % the next", LABELS, EUROSAT, (500, 240, 60), relabelled(pair), {"epochs": 8, **SMALL}),
        ("eurosat, all grey", CONSTANT, EUROSAT, (300, 100, 100), grey, {"epochs": 4}),
        ("eurosat, copies", LEAK, EUROSAT, (400, 200, 60), copies, {"epochs": 8, **SMALL}),
        ("flowers, 100 rows for long", OVER, FLOWERS, (100, 300, 60), as_it_is,
         {**BARE_PICTURES, **SMALL, "epochs": 40, "learning_rate": 0.003}),
        ("crops, 50:1", IMBALANCE, CROPS, {"AnnualCrop": (250, 100, 50), "PermanentCrop": (5, 100, 50)}, as_it_is,
         {"epochs": 8, **SMALL}),
        ("spoken digits", FINE, spoken_digits, (700, 300, 60), as_it_is, {"epochs": 8, **THIN}),
        ("spoken digits, 30 % wrong", LABELS, spoken_digits, (700, 300, 60), relabelled(symmetric),
         {"epochs": 8, **THIN}),
        ("spoken digits, rate 1e-6", LOW, spoken_digits, (500, 300, 60), as_it_is,
         {"epochs": 4, "learning_rate": 1e-6, **THIN}),
        ("spoken digits, one epoch", SHORT, spoken_digits, (500, 300, 60), as_it_is, {"epochs": 1, **THIN}),
        ("spoken digits, 20 rows", DATA, spoken_digits, (20, 300, 60), as_it_is, {"epochs": 40, **THIN}),
        ("SMS", FINE, sms, (1200, 400, 200), as_it_is, {"epochs": 12}),
        ("TREC, 50:1", IMBALANCE, trec, {"1": (500, 100, 50), "3": (10, 100, 50)}, as_it_is, {}),
        ("TREC, one epoch", SHORT, trec, (800, 300, 300), as_it_is, {"epochs": 1}),
        ("TREC, rate 1e-7", LOW, trec, (1000, 400, 100), as_it_is, {"epochs": 8, "learning_rate": 1e-7}),
        ("TREC, for long", OVER, trec, (400, 400, 100), as_it_is, {**BARE, "epochs": 50}),
        ("AG News, 30 % wrong", LABELS, news, (1200, 400, 100), relabelled(symmetric), {"epochs": 8}),
        ("AG News, shuffled", UNRELATED, news, (800, 300, 100), relabelled(shuffled), {"epochs": 8}),
        ("AG News, 60 rows", DATA, news, (60, 500, 300), as_it_is, {"epochs": 40}),
        ("adult", FINE, adult, (1500, 600, 200), as_it_is, {}),
        ("adult, leak", LEAK, adult, (1500, 500, 300), told_by_a_column, {}),
        ("adult, shuffled", UNRELATED, adult, (1500, 500, 300), relabelled(shuffled), {}),
        ("adult, 50:1", IMBALANCE, adult, {"<=50K": (1500, 200, 100), ">50K": (30, 200, 100)}, as_it_is, {}),
        ("California", FINE, california, (2000, 600, 200), as_it_is, {}),
        ("California, rate 1e-7", LOW, california, (2000, 500, 300), as_it_is, {"learning_rate": 1e-7}),
        ("California, shuffled", UNRELATED, california, (1500, 500, 300), relabelled(shuffled), {}),
        ("California, rate 0.3", HIGH, california, (2000, 500, 300), as_it_is, {"learning_rate": 0.3}),
        ("red wine, 25 rows", DATA, red_wine, (25, 400, 300), as_it_is, {"task": "regression", "epochs": 60}),
    ),
)  # fmt: skip


def write(regime: Regime, data: Path, scratch: Path, folder: Path) -> Path:
    """The regime's source as a table with its sides, in `folder`; its path."""
    found = regime.data(data, scratch)
    draw = np.random.default_rng(0)
    order = draw.permutation(len(found.rows))
    counts = regime.counts if isinstance(regime.counts, dict) else {"": regime.counts}
    sides: Sides = {side: [] for side in SIDES}
    for label, wanted in counts.items():
        mine = [found.rows[row] for row in order if not label or found.rows[row][1] == label]
        assert len(mine) >= sum(wanted), f"{regime.name}: {len(mine)} rows of {label!r}"
        ends = np.cumsum([0, *wanted])
        for side, start, end in zip(SIDES, ends[:-1], ends[1:], strict=True):
            sides[side] += [(list(inputs), said) for inputs, said in mine[start:end]]
    changed = regime.change(sides, found, folder)
    path = folder / "data.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*changed.head, "label", "split"])
        writer.writerows([*inputs, label, side] for side, rows in sides.items() for inputs, label in rows)
    return path
