"""What recording the training dynamics costs: `python -m benchmarks.recording`.

Steps of the default convnet with and without the record, in turn, in one process; the figure is the
ratio of the medians. Written to benchmarks/recording.md.
"""

import statistics
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.step import BATCH, DEVICE, RECIPE, ROWS, problem, seconds
from unfazed.batch import Examples
from unfazed.criterion import cross_entropy
from unfazed.device import describe
from unfazed.loader import Loader
from unfazed.loop import Dynamics, Step, training

STEPS = 60


def steps(record: bool) -> Iterator[None]:
    """Steps of a training that records, or does not."""
    model, x, y = problem()
    examples = Examples(x, torch.full((ROWS,), 32), y, torch.ones(ROWS))
    loader = Loader(examples, torch.arange(ROWS), BATCH, device=DEVICE)
    events = training(model, loader, cross_entropy(RECIPE.label_smoothing), RECIPE)
    recorded = Dynamics.record
    while True:
        if not record:
            Dynamics.record = lambda self, batch, output: None  # type: ignore[method-assign]
        event = next(events)
        Dynamics.record = recorded  # type: ignore[method-assign]
        if isinstance(event, Step):
            yield


def main() -> None:
    """Time both in turn and write the table."""
    with_record, without = steps(True), steps(False)
    for _ in range(5):  # the first steps warm the caches
        seconds(with_record), seconds(without)
    pairs = [(seconds(with_record), seconds(without)) for _ in range(STEPS)]
    ratios = sorted(one / other for one, other in pairs)
    medians = [statistics.median(times) for times in zip(*pairs, strict=True)]
    low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
    text = (
        "# What recording costs\n\n"
        f"One step of the default convnet, {BATCH} images of 32 × 32, on {describe(DEVICE)}; "
        f"{STEPS} pairs of steps in turn.\n\n"
        "| | median step |\n|---|---|\n"
        f"| with the record | {1000 * medians[0]:.1f} ms |\n| without | {1000 * medians[1]:.1f} ms |\n\n"
        f"Ratio of the medians {medians[0] / medians[1]:.4f}; pair by pair, median {statistics.median(ratios):.4f}, "
        f"middle half {low:.4f} to {high:.4f}. Target: under 1.02.\n"
    )
    (Path(__file__).parent / "recording.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
