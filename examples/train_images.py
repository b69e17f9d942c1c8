"""What `unfazed train sample:digits` does, from Python: train, read the record, predict."""

import sys
from pathlib import Path

import numpy as np

import unfazed


def main(source: str = "sample:digits", out: str | None = None) -> float:
    """Train on `source` and print what came of it; the test accuracy."""
    run = unfazed.train(source, out=out, epochs=12, seed=1)
    accuracy = run.report["test"]["accuracy"]
    print(f"test accuracy {accuracy['value']:.3f} (95 % interval {accuracy['low']:.3f} to {accuracy['high']:.3f})")

    # Every training example's surprise at every epoch was recorded: [E, N], nats, nan = not a training row.
    losses = run.dynamics()["losses"].astype(np.float32)
    rows = run.table().rows("train")
    hardest = rows[np.argsort(losses[:, rows].mean(axis=0))[::-1][:3]]
    for row in hardest:
        example = run.table().frame.row(int(row), named=True)
        print(f"{losses[:, row].mean() / np.log(2):.1f} bits: {Path(example['input']).name}, labelled {example['label']}")

    first_test = run.table().frame["input"][int(run.table().rows("test")[0])]
    prediction = unfazed.Predictor.open(run).predict([first_test])
    print(f"{Path(first_test).name}: {prediction.labels[0]} ({prediction.confidence[0]:.1%})")
    return float(accuracy["value"])


if __name__ == "__main__":
    main(*sys.argv[1:])
