"""Training runs with a known flaw, or with none: what `benchmarks.diagnosis` asks the diagnosis about.

Every regime has one answer, written down before the run was made. Each is small: a few hundred to two thousand training
rows, some seconds of training. There are three parts, divided by data set or by what is predicted:

- "first": the rules of the diagnosis were made with these;
- "second": untouched until the first rules were done, then looked at; the rules of today were made with these too;
- "third": listed before the rules of today were begun, and diagnosed once, when they were done.

What an answer means where two could be given: *too little data* where the settings are the usual ones and rows are few,
though a validation loss rises there too; *overfitting* where a training that holds nothing back was let go on for long.
"""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.diagnosis_data import (
    SIDES,
    Data,
    Sides,
    a_tenth,
    adult,
    animal_or_vehicle,
    as_it_is,
    bank,
    bike,
    california,
    copies,
    crowd_news,
    docstrings,
    electricity,
    employment,
    files,
    flower_land_thing,
    grey,
    louder_copies,
    news,
    pair,
    pairs_of_digits,
    red_wine,
    relabelled,
    reworded_copies,
    sample,
    shuffled,
    sms,
    speakers,
    spoken_digits,
    symmetric,
    table,
    told_by_a_column,
    trec,
    unpacked,
    wine_by,
)


class Regime(NamedTuple):
    """One run whose diagnosis is known."""

    name: str
    half: str  # "first", "second" or "third"
    answer: str  # a cause of `unfazed.analysis.diagnosis`
    data: Callable[[Path, Path], Data]  # from the folder of downloads and a folder to unpack into
    counts: tuple[int, int, int] | dict[str, tuple[int, int, int]]  # rows a side, in all or by label
    change: Callable[[Sides, Data, Path], Data]
    settings: Mapping[str, Any]


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
BANK = bank(("activate_my_card", "age_limit", "card_about_to_expire", "cancel_transfer", "exchange_rate",
             "lost_or_stolen_phone", "passcode_forgotten", "terminate_account"))  # fmt: skip
TOP_UPS = bank(("automatic_top_up", "pending_top_up", "top_up_by_bank_transfer_charge", "top_up_by_card_charge",
                "top_up_by_cash_or_cheque", "top_up_failed", "top_up_limits", "top_up_reverted", "topping_up_by_card",
                "verify_top_up"))  # fmt: skip
FEES = bank(("card_payment_fee_charged", "direct_debit_payment_not_recognised"))
BIKE = bike("instant", "dteday", "casual", "registered")
SMALL, THIN = {"image_size": 16}, {"width": 32, "sample_rate": 4000}
CAUSES = ("fine", "too few epochs", "learning rate too low", "learning rate too high", "too small a network",
           "overfitting", "wrong labels", "too little data", "leak", "labels unrelated to inputs",
           "inputs do not vary", "class imbalance")  # fmt: skip
(FINE, SHORT, LOW, HIGH, NARROW, OVER, LABELS, DATA, LEAK, UNRELATED, CONSTANT, IMBALANCE) = CAUSES


def _half(half: str, *rows: tuple[Any, ...]) -> tuple[Regime, ...]:
    return tuple(Regime(name, half, *rest) for name, *rest in rows)


REGIMES = (
    *_half(
        "first",
        ("digits", FINE, DIGITS, (900, 300, 300), as_it_is, {"epochs": 15}),
        ("digits, one epoch", SHORT, DIGITS, (900, 300, 300), as_it_is, {"epochs": 1}),
        ("digits, rate 1e-6", LOW, DIGITS, (900, 300, 300), as_it_is, {"epochs": 10, "learning_rate": 1e-6}),
        ("digits, rate 1", HIGH, DIGITS, (900, 300, 300), as_it_is, {"epochs": 10, "learning_rate": 1.0}),
        ("pairs of digits, width 4", FINE, pairs_of_digits, (2000, 400, 400), as_it_is,  # wide enough, it turned out
         {"epochs": 25, "width": 4}),
        ("digits, 20 rows", DATA, DIGITS, (20, 300, 300), as_it_is, {}),
        ("digits, 30 % wrong", LABELS, DIGITS, (900, 300, 300), relabelled(symmetric), {"epochs": 15}),
        ("digits, 30 % the next", LABELS, DIGITS, (900, 300, 300), relabelled(pair), {"epochs": 15}),
        ("digits, 10 % wrong", LABELS, DIGITS, (900, 300, 300), relabelled(a_tenth), {"epochs": 15}),
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
        ("docstrings, one epoch", SHORT, EASY, (800, 300, 100), as_it_is, {"epochs": 1}),
        ("docstrings, copies", LEAK, EASY, (500, 200, 100), reworded_copies, {"epochs": 6}),
        ("sounds, copies", LEAK, SOUNDS, (300, 120, 60), louder_copies, {"epochs": 6, **THIN}),
        ("sounds, 18 rows", DATA, SOUNDS, (18, 240, 60), as_it_is, {"epochs": 40, **THIN}),
        ("breast cancer, one epoch", SHORT, CANCER, (300, 130, 130), as_it_is, {"epochs": 1}),
        ("diabetes, one epoch", SHORT, DIABETES, (250, 90, 90), as_it_is, {"epochs": 1}),
        ("diabetes, 25 rows", DATA, DIABETES, (25, 200, 90), as_it_is, {"epochs": 60}),
        ("diabetes, leak", LEAK, DIABETES, (250, 90, 90), told_by_a_column, {}),
    ),
    *_half(
        "second",
        ("eurosat, 4 kinds", FINE, EUROSAT, (500, 240, 60), as_it_is, {"epochs": 8, **SMALL}),
        ("cifar10, one epoch", SHORT, CIFAR, (800, 400, 60), as_it_is, {"epochs": 1, **SMALL}),
        ("cifar10, rate 1e-6", LOW, CIFAR, (500, 300, 60), as_it_is, {"epochs": 4, "learning_rate": 1e-6, **SMALL}),
        ("cifar10, rate 1", HIGH, CIFAR, (500, 300, 60), as_it_is, {"epochs": 5, "learning_rate": 1.0, **SMALL}),
        ("cifar10, width 4", NARROW, CIFAR, (2000, 500, 60), as_it_is, {"epochs": 20, "width": 4, **SMALL}),
        ("cifar10, 200 rows", DATA, CIFAR, (200, 400, 60), as_it_is, {"epochs": 20, **SMALL}),
        ("cifar10, 600 rows", DATA, CIFAR, (600, 400, 60), as_it_is, {"epochs": 20, **SMALL}),
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
    *_half(
        "third",
        ("flower, land or thing", FINE, flower_land_thing, (900, 300, 60), as_it_is, {"epochs": 12, **SMALL}),
        ("flowers, one epoch", SHORT, FLOWERS, (900, 400, 60), as_it_is, {"epochs": 1, **SMALL}),
        ("flowers, rate 1e-6", LOW, FLOWERS, (500, 300, 60), as_it_is, {"epochs": 5, "learning_rate": 1e-6, **SMALL}),
        ("flower, land or thing, rate 1", HIGH, flower_land_thing, (500, 300, 60), as_it_is,
         {"epochs": 5, "learning_rate": 1.0, **SMALL}),
        ("flowers, width 4", NARROW, FLOWERS, (2000, 500, 60), as_it_is, {"epochs": 20, "width": 4, **SMALL}),
        ("flowers, 40 rows", DATA, FLOWERS, (40, 300, 60), as_it_is, {"epochs": 25, **SMALL}),
        ("flowers, shuffled", UNRELATED, FLOWERS, (500, 300, 60), relabelled(shuffled), {"epochs": 8, **SMALL}),
        ("flower, land or thing, 30 % wrong", LABELS, flower_land_thing, (900, 300, 60), relabelled(symmetric),
         {"epochs": 12, **SMALL}),
        ("flower, land or thing, copies", LEAK, flower_land_thing, (400, 200, 60), copies, {"epochs": 8, **SMALL}),
        ("flowers, 50:1", IMBALANCE, FLOWERS, {"dandelion": (300, 100, 50), "rose": (6, 100, 50)}, as_it_is,
         {"epochs": 8, **SMALL}),
        ("animal or vehicle, for long", OVER, animal_or_vehicle, (400, 300, 60), as_it_is,
         {**BARE_PICTURES, **SMALL, "epochs": 40, "learning_rate": 0.003}),
        ("speakers", FINE, speakers, (700, 300, 60), as_it_is, {"epochs": 8, **THIN}),
        ("speakers, one epoch", SHORT, speakers, (500, 300, 60), as_it_is, {"epochs": 1, **THIN}),
        ("speakers, rate 1e-6", LOW, speakers, (500, 300, 60), as_it_is,
         {"epochs": 4, "learning_rate": 1e-6, **THIN}),
        ("speakers, rate 1", HIGH, speakers, (400, 200, 60), as_it_is, {"epochs": 4, "learning_rate": 1.0, **THIN}),
        ("speakers, 18 rows", DATA, speakers, (18, 300, 60), as_it_is, {"epochs": 40, **THIN}),
        ("speakers, shuffled", UNRELATED, speakers, (500, 300, 60), relabelled(shuffled), {"epochs": 6, **THIN}),
        ("speakers, 30 % wrong", LABELS, speakers, (700, 300, 60), relabelled(symmetric), {"epochs": 8, **THIN}),
        ("speakers, silence", CONSTANT, speakers, (200, 100, 60), grey, {"epochs": 3, **THIN}),
        ("speakers, copies", LEAK, speakers, (400, 200, 60), louder_copies, {"epochs": 6, **THIN}),
        ("speakers, 50:1", IMBALANCE, speakers, {"theo": (250, 80, 40), "nicolas": (5, 80, 40)}, as_it_is,
         {"epochs": 6, **THIN}),
        ("bank", FINE, BANK, (700, 250, 150), as_it_is, {"epochs": 12}),
        ("bank, one epoch", SHORT, BANK, (700, 250, 150), as_it_is, {"epochs": 1}),
        ("bank, rate 1e-7", LOW, BANK, (700, 250, 150), as_it_is, {"epochs": 6, "learning_rate": 1e-7}),
        ("bank, 77 intents, 300 rows", DATA, bank(), (300, 500, 200), as_it_is, {"epochs": 15}),
        ("bank, shuffled", UNRELATED, BANK, (700, 250, 150), relabelled(shuffled), {"epochs": 6}),
        ("bank, 30 % wrong", LABELS, BANK, (700, 250, 150), relabelled(symmetric), {"epochs": 10}),
        ("news, labels of a crowd", LABELS, crowd_news, (1200, 400, 100), as_it_is, {"epochs": 6}),
        ("bank, copies", LEAK, BANK, (500, 250, 150), reworded_copies, {"epochs": 8}),
        ("bank, 40:1", IMBALANCE, FEES, {"card_payment_fee_charged": (160, 40, 20),
         "direct_debit_payment_not_recognised": (4, 100, 50)}, as_it_is, {"epochs": 10}),
        ("bank, top-ups for long", OVER, TOP_UPS, (300, 400, 100), as_it_is, {**BARE, "epochs": 60}),
        ("employment", FINE, employment, (2000, 600, 200), as_it_is, {}),
        ("employment, leak", LEAK, employment, (1500, 500, 300), told_by_a_column, {}),
        ("employment, 30 % wrong", LABELS, employment, (2000, 600, 300), relabelled(symmetric), {}),
        ("employment, 50:1", IMBALANCE, employment, {"yes": (1500, 200, 100), "no": (30, 200, 100)}, as_it_is, {}),
        ("electricity, one epoch", SHORT, electricity, (1500, 500, 300), as_it_is, {"epochs": 1}),
        ("electricity, rate 1e-6", LOW, electricity, (1500, 500, 300), as_it_is, {"learning_rate": 1e-6}),
        ("electricity, 25 rows", DATA, electricity, (25, 500, 300), as_it_is, {"epochs": 60}),
        ("electricity, for long", OVER, electricity, (300, 500, 300), as_it_is, {**BARE, "epochs": 200}),
        ("rented bicycles, shuffled", UNRELATED, BIKE, (1500, 500, 300), relabelled(shuffled), {"task": "regression"}),
        ("rented bicycles, one epoch", SHORT, BIKE, (1500, 500, 300), as_it_is, {"task": "regression", "epochs": 1}),
        ("rented bicycles, members known", LEAK, bike("instant", "dteday", "casual"), (1500, 500, 300), as_it_is,
         {"task": "regression"}),
        ("density of wines", FINE, wine_by("density"), (1000, 350, 200), as_it_is, {"task": "regression"}),
        ("alcohol of wines, 25 rows", DATA, wine_by("alcohol"), (25, 400, 300), as_it_is,
         {"task": "regression", "epochs": 60}),
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
