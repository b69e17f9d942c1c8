"""What recording the training dynamics costs: `python -m benchmarks.recording`.

Steps of the default convnet with and without the record, in turn, in one process; the figure is the
ratio of the medians. Written to benchmarks/recording.md.
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from unfazed.batch import Examples
from unfazed.criterion import cross_entropy
from unfazed.device import best_device, best_precision, describe
from unfazed.loader import Loader
from unfazed.loop import Dynamics, Step, training
from unfazed.model.convnet import ConvNet, default_width
from unfazed.recipe import Recipe

ROWS, BATCH, STEPS = 9_000, 128, 60


def steps(record: bool) -> Iterator[float]:
    """Seconds of each step of a training that records, or does not."""
    device = best_device()
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(256, (ROWS, 3, 32, 32), dtype=torch.uint8, generator=draw)
    examples = Examples(x, torch.full((ROWS,), 32), torch.randint(10, (ROWS,), generator=draw), torch.ones(ROWS))
    torch.manual_seed(0)
    model = ConvNet(10, 32, default_width(32, ROWS), 0.0, "average")
    model.initialise(x[:1000])
    recipe = Recipe(epochs=10, batch_size=BATCH, micro_batch_size=BATCH, precision=best_precision(device))
    events = training(
        model.to(device), Loader(examples, torch.arange(ROWS), BATCH, device=device), cross_entropy(0.1), recipe
    )
    recorded = Dynamics.record
    while True:
        if not record:
            Dynamics.record = lambda self, batch, output: None  # type: ignore[method-assign]
        started = time.perf_counter()
        event = next(events)
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken = time.perf_counter() - started
        Dynamics.record = recorded  # type: ignore[method-assign]
        if isinstance(event, Step):
            yield taken


def main() -> None:
    """Time both in turn and write the table."""
    with_record, without = steps(True), steps(False)
    for _ in range(5):  # the first steps warm the caches
        next(with_record), next(without)
    pairs = [(next(with_record), next(without)) for _ in range(STEPS)]
    ratios = sorted(one / other for one, other in pairs)
    medians = [statistics.median(times) for times in zip(*pairs, strict=True)]
    low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
    text = (
        "# What recording costs\n\n"
        f"One step of the default convnet, {BATCH} images of 32 × 32, on {describe(best_device())}; "
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
