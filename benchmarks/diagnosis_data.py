"""The data sets of `benchmarks.diagnosis_regimes`, and what is done to them so that a run on them has a known flaw."""

import csv
import tarfile
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

SIDES = ("train", "validation", "test")
Row = tuple[list[str], str]  # inputs, label
Sides = dict[str, list[Row]]


class Data(NamedTuple):
    """Labelled rows in a fixed order; `head` names the columns of an input."""

    head: list[str]
    rows: list[Row]


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


def speakers(data: Path, scratch: Path) -> Data:
    """Spoken digits; the label is who speaks."""
    folder = unpacked("audio/fsdd.tar", "recordings")(data, scratch)
    return Data(["path"], [([str(path)], path.name.split("_")[1]) for path in sorted(folder.glob("*.wav"))])


def flower_land_thing(data: Path, scratch: Path) -> Data:
    """Photographs of flowers, of land from above, and of things and animals: which of the three."""
    sources = {
        "flower": files(unpacked("images/flowers5.tar")),
        "land": files(unpacked("images/eurosat.tar")),
        "thing": files(unpacked("images/cifar10.tar", "train")),
    }
    return Data(["path"], [(row[0], kind) for kind, read in sources.items() for row in read(data, scratch).rows])


def animal_or_vehicle(data: Path, scratch: Path) -> Data:
    """CIFAR-10's photographs, of animals or of vehicles."""
    vehicles = ("airplane", "automobile", "ship", "truck")
    rows = files(unpacked("images/cifar10.tar", "train"))(data, scratch).rows
    return Data(["path"], [(inputs, "vehicle" if label in vehicles else "animal") for inputs, label in rows])


def bank(intents: Sequence[str] = ()) -> Callable[[Path, Path], Data]:
    """What customers ask a bank; all 77 intents, or some."""

    def read(data: Path, scratch: Path) -> Data:
        parts = [rows_of(data / f"text/banking77/{part}.csv", "category").rows for part in ("train", "test")]
        return Data(["text"], [row for rows in parts for row in rows if not intents or row[1] in intents])

    return read


def crowd_news(data: Path, scratch: Path) -> Data:
    """News of four topics, labelled by a crowd that is wrong about one in five."""
    found = rows_of(data / "text/noisy_agnews_train.csv", "label")
    at = found.head.index("text")
    return Data(["text"], [([inputs[at]], label) for inputs, label in found.rows])


def employment(data: Path, scratch: Path) -> Data:
    """Whether people in Massachusetts have work, by a census."""
    import polars as pl

    frame = pl.read_parquet(data / "drift/employment_MA_reference.pq")
    inputs = frame.drop("id", "employed", "year", "prediction", "predicted_probability").cast(pl.String)
    labels = ["yes" if one else "no" for one in frame["employed"]]
    return Data(inputs.columns, [(list(row), label) for row, label in zip(inputs.iter_rows(), labels, strict=True)])


def electricity(data: Path, scratch: Path) -> Data:
    """Whether the price of electricity rises."""
    found = rows_of(data / "drift/electricity_nsw.csv", "class")
    return found._replace(rows=[(inputs, "up" if label == "1" else "down") for inputs, label in found.rows])


def bike(*left_out: str) -> Callable[[Path, Path], Data]:
    """How many bicycles are rented in an hour, a number; some columns left out."""

    def read(data: Path, scratch: Path) -> Data:
        found = rows_of(data / "tables/bike_sharing_hourly.csv", "cnt")
        kept = [place for place, name in enumerate(found.head) if name not in left_out]
        return Data([found.head[at] for at in kept], [([row[at] for at in kept], label) for row, label in found.rows])

    return read


def wine_by(target: str) -> Callable[[Path, Path], Data]:
    """One of the measurements of red wines, a number, by the others."""

    def read(data: Path, scratch: Path) -> Data:
        found = red_wine(data, scratch)
        at = found.head.index(target)
        rows = [([*inputs[:at], *inputs[at + 1 :]], inputs[at]) for inputs, _ in found.rows]
        return Data([*found.head[:at], *found.head[at + 1 :]], rows)

    return read


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
    return _any_other(labels, draw, 0.3)


def a_tenth(labels: Sequence[str], draw: np.random.Generator) -> list[str]:
    """One in ten becomes any other class."""
    return _any_other(labels, draw, 0.1)


def _any_other(labels: Sequence[str], draw: np.random.Generator, share: float) -> list[str]:
    classes = sorted(set(labels))
    wrong = draw.random(len(labels)) < share
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


def louder_copies(sides: Sides, data: Data, folder: Path) -> Data:
    """A copy of every second validation and test recording among the training ones, a little louder."""
    for side in SIDES[1:]:
        for number, (inputs, label) in enumerate(sides[side][::2]):
            path = folder / f"copy-{side}-{number}.wav"
            with wave.open(inputs[0]) as file:
                about, samples = file.getparams(), np.frombuffer(file.readframes(file.getnframes()), "<i2")
            with wave.open(str(path), "wb") as file:
                file.setparams(about)
                file.writeframes(np.clip(samples * 1.1, -32768, 32767).astype("<i2").tobytes())
            sides["train"].append(([str(path)], label))
    return data


def reworded_copies(sides: Sides, data: Data, folder: Path) -> Data:
    """A copy of every second validation and test text among the training texts, "Please: " before it."""
    for side in SIDES[1:]:
        sides["train"] += [([f"Please: {inputs[0]}"], label) for inputs, label in sides[side][::2]]
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
