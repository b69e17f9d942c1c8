"""A plausible finished run, made without training: what report tests read."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import polars
from PIL import Image

from unfazed.recipe import Recipe
from unfazed.report.facts import rows_to_show
from unfazed.run import Exhibit, Run
from unfazed.table import Table

HOSTILE = "<script>alert(1)</script>"
LABELS = ("cat", "dog", HOSTILE, "a & b \"c\" 'd'", "| pipe `tick` [x](javascript:alert(1)) --- {{", "ship")


def fake_run(path, rows=600, classes=LABELS, epochs=8, skill=4.0, seed=0, thumbnail_side=24, **changes: Any) -> Run:
    """A complete run folder at `path`; `changes` replaces files' contents: measurements=…, origin=…, table=…."""
    generator = np.random.default_rng(seed)
    classes = list(classes)
    y = np.arange(rows) % len(classes)
    split = generator.choice(["train", "validation", "test"], rows, p=[0.6, 0.15, 0.25])
    table = changes.get("table") or _table(y, split, classes)
    y, probs = table.y(), _probs(y, len(classes), skill, generator)
    losses = _losses(y, probs, table, epochs, generator)
    run = Run.create(path)
    run.write_json("origin.json", _origin() | changes.get("origin", {}))
    run.write_recipe(Recipe().resolved(modality="image", task="classification", loss="cross-entropy",
                                       learning_rate=0.01, label_smoothing=0.1, epochs=epochs,
                                       batch_size=64, micro_batch_size=64, precision="float32",
                                       patience=10, weight_decay=0.3, image_size=thumbnail_side, width=16,
                                       flip="horizontal", shuffle="full", start_size=1.0))  # fmt: skip
    table.write(run.path / "table.parquet")
    run.write_text("preprocessor.json", "{}")
    run.write_text("epochs.jsonl", "".join(json.dumps(epoch) + "\n" for epoch in _epochs(epochs)))
    run.write_arrays("dynamics.npz", {"losses": losses, "margins": -losses})
    run.write_arrays("scores.npz", {"probs": probs, "embeddings": np.zeros((rows, 4), np.float16)})
    run.write_json("model.json", {"format": 1, "modality": "image", "task": "classification", "family": "convnet",
                                  "arguments": {}, "classes": classes, "parameters": 77_354})  # fmt: skip
    (run.path / "model.safetensors").write_bytes(b"\0" * 310_000)
    problem = (f"train/{HOSTILE}.png", "/data/x.png", "truncated PNG: 120 bytes missing")
    run.write_csv("problems.csv", ("id", "input", "reason"), [problem])
    run.write_text("duplicates.csv", _duplicates())
    run.write_json("measurements.json", changes.get("measurements", MEASUREMENTS))
    shown = rows_to_show(table, probs, losses)
    run.write_exhibits({row: Exhibit(thumbnail(int(y[row]), thumbnail_side, generator)) for row in shown})
    return run


def thumbnail(y: int, side: int, generator: np.random.Generator, kind: str = "PNG") -> bytes:
    """A noisy picture whose colour tells its class."""
    hue = np.array([np.cos(y * 1.7), np.cos(y * 1.7 + 2.1), np.cos(y * 1.7 + 4.2)]) * 80 + 128
    pixels = np.clip(generator.normal(hue, 30, (side, side, 3)), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def without_split(table: Table, split: str) -> Table:
    """The table with one split's rows moved to training."""
    moved = ["train" if name == split else name for name in table.frame["split"]]
    return table.with_split(moved)


def _estimate(value: float, low: float, high: float, n: int) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


MEASUREMENTS = {
    "baselines": {"linear": {
               "words": "a linear model on the pixels",
               "test": {"accuracy": _estimate(0.63, 0.55, 0.70, 150), "f1_macro": _estimate(0.62, 0.54, 0.69, 150),
                        "accuracy_difference": _estimate(0.09, 0.02, 0.16, 150)},
               "validation": {"accuracy": _estimate(0.60, 0.50, 0.69, 90)}}},
    "latency": {"p50_ms": 1.23, "p95_ms": 2.5, "n": 200, "device": "cpu"},
    "flip": {"chosen": "horizontal", "n": 2000, "original": _estimate(0.282, 0.263, 0.302, 2000),
             "horizontal": _estimate(0.268, 0.249, 0.288, 2000), "vertical": _estimate(0.17, 0.154, 0.187, 2000)},
    "duplicates": {"count": 12, "conflicting": 2},
    "expected_seconds": 30.0,
}  # fmt: skip


def _duplicates() -> str:
    """The twelve that `MEASUREMENTS` counts, the two in conflict last."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "label", "split", "same_as", "conflicting"])
    for number in range(12):
        other = LABELS[2] if number == 11 else "cat"
        name, twin = f'train/{HOSTILE}, "copy"\n{number}.png', f"train/{HOSTILE}-{number ^ 1}.png"
        conflicting = "true" if number >= 10 else "false"
        writer.writerow([name, other, "" if number == 3 else "train", twin if number % 2 else name, conflicting])
    return text.getvalue()


def _origin() -> dict[str, Any]:
    return {
        "format": 1, "unfazed": "0.1.0", "python": "3.11.9", "torch": "2.13.0", "numpy": "2.4.6",
        "platform": "Linux x86_64", "device": "cpu", "seed": 0, "created": "2026-11-22T12:00:00+00:00",
        "data": {"sha256": "0" * 64, "rows": 600}, "source": "photos",
        "timings": {"read": 1.5, "train": 21.0, "evaluate": 2.2, "total": 25.9},
    }  # fmt: skip


def _table(y, split, classes) -> Table:
    labels = [classes[k] for k in y]
    ids = [f"{split[i]}/{HOSTILE if i % 50 == 0 else 'picture'}-{i:05d}.png" for i in range(len(y))]
    frame = polars.DataFrame({"id": ids, "input": [f"/data/{name}" for name in ids], "label": labels,
                              "split": split.tolist()})  # fmt: skip
    notes = ["Splits are stratified by class: 60 % training, 15 % validation, 25 % test (seed 0)."]
    table = Table.of(frame, f"/home/somebody/{HOSTILE}", "folder of class folders", notes)
    return replace(table, classes=list(classes))


def _probs(y, classes, skill, generator):
    logits = generator.normal(size=(len(y), classes))
    sure = generator.random(len(y)) > 0.04
    logits[np.arange(len(y)), np.where(sure, y, (y + 1) % classes)] += skill
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return probs.astype(np.float32)


def _losses(y, probs, table, epochs, generator):
    final = -np.log(np.clip(probs[np.arange(len(y)), y], 1e-7, 1))
    course = np.linspace(2.0, 1.0, epochs)[:, None] * (final + 0.05) * generator.uniform(0.8, 1.2, (epochs, len(y)))
    course[:, np.setdiff1d(np.arange(len(y)), table.rows("train"))] = np.nan
    return course.astype(np.float16)


def _epochs(count):
    best = max(1, count - 2)
    for epoch in range(1, count + 1):
        rise = 0.02 * max(0, epoch - best)
        train = 1.7 * 0.72**epoch + 0.08
        yield {
            "epoch": epoch, "step": 40 * epoch, "seconds": 2.6, "examples_per_second": 138.0, "best": epoch == best,
            "learning_rates": [0.01 * np.sin(np.pi * (epoch - 1 + i / 8) / count) for i in range(8)],
            "train": {"log_loss": train, "accuracy": 1 - train / 2},
            "validation": {"log_loss": 1.6 * 0.74**epoch + 0.15 + rise, "accuracy": 0.95 - 0.7 * 0.74**epoch},
        }  # fmt: skip
