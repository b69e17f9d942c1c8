"""What `unfazed train sample:docstrings` does, from Python: train, read the record, predict texts of one's own."""

import sys

import unfazed

QUESTIONS = [
    "Open a connection to the server and log in with a user name and a password.",
    "Return the median of numeric data, the middle value.",
    "Parse a file of comma separated values into rows.",
]


def main(source: str = "sample:docstrings", out: str | None = None, epochs: int | str = "auto") -> float:
    run = unfazed.train(source, out=out, epochs=epochs, seed=1)
    accuracy = run.report["test"]["accuracy"]
    print(f"test accuracy {accuracy['value']:.3f} (95 % interval {accuracy['low']:.3f} to {accuracy['high']:.3f})")
    for baseline in run.report["baselines"].values():
        print(f"beside it, {baseline.get('words', 'the commonest class')}: {baseline['test']['accuracy']['value']:.3f}")

    predictions = unfazed.Predictor.open(run).predict(QUESTIONS)
    for question, label, sure in zip(QUESTIONS, predictions.labels, predictions.confidence, strict=True):
        print(f"{label} ({sure:.0%}): {question}")
    return float(accuracy["value"])


if __name__ == "__main__":
    main(*sys.argv[1:3])
