"""What `unfazed train sample:digits` does, from Python: train, read the record, predict."""

import sys
from pathlib import Path

import numpy as np

import unfazed


def main(source: str = "sample:digits", out: str | None = None) -> float:
    run = unfazed.train(source, out=out, epochs=12, seed=1)
    accuracy = run.report["test"]["accuracy"]
    print(f"test accuracy {accuracy['value']:.3f} (95 % interval {accuracy['low']:.3f} to {accuracy['high']:.3f})")

    table, losses = run.table(), run.dynamics()["losses"].astype(np.float32)  # [E, N] nats; nan = not a training row
    train = table.rows("train")
    surprise = losses[:, train].mean(axis=0) / np.log(2)
    for position in surprise.argsort()[::-1][:3]:
        example = table.frame.row(int(train[position]), named=True)
        print(f"{surprise[position]:.1f} bits: {example['id']}, labelled {example['label']}")

    path = table.frame["input"][int(table.rows("test")[0])]
    prediction = unfazed.Predictor.open(run).predict([path])
    print(f"{Path(path).name}: {prediction.labels[0]} ({prediction.confidence[0]:.1%})")
    return float(accuracy["value"])


if __name__ == "__main__":
    main(*sys.argv[1:])
