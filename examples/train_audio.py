"""Sounds in folders, from Python: train, hear which examples surprise the model, predict from samples in memory."""

import sys

import numpy as np

import unfazed


def main(source: str = "sample:synthetic-sounds", out: str | None = None, epochs: int = 20) -> float:
    run = unfazed.train(source, out=out, epochs=epochs, seed=1)
    accuracy = run.report["test"]["accuracy"]
    print(f"test accuracy {accuracy['value']:.3f} (95 % interval {accuracy['low']:.3f} to {accuracy['high']:.3f})")
    for example in run.report["surprising"]["validation"][:3]:
        print(f"{example['bits']:.1f} bits: {example['id']}, taken for {example['predicted']}")

    rate, seconds = 8000, np.arange(4000) / 8000
    glide = np.sin(2 * np.pi * (300 * seconds + 300 * seconds**2))  # from 300 to 600 Hz in half a second
    prediction = unfazed.Predictor.open(run).predict([(glide.astype(np.float32), rate)])
    print(f"a gliding tone: {prediction.labels[0]} ({prediction.confidence[0]:.1%})")
    return float(accuracy["value"])


if __name__ == "__main__":
    main(*sys.argv[1:3])
