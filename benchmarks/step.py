"""Steps of `training` beside the same steps written by hand: `python -m benchmarks.step`.

Same network, batches, augmentation, precision, optimizer, clipping, smoothing and averaged weights; the hand-written
loop has no record of dynamics, no state to go on from, no halving of batches and no schedule but the optimizer's rate.
The two take turns, step by step, in one process; the figure is the ratio pair by pair. Written to benchmarks/step.md.
"""

import copy
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from unfazed.batch import Examples
from unfazed.criterion import cross_entropy
from unfazed.device import best_device, best_precision, describe, keep_freed_memory
from unfazed.loader import Loader
from unfazed.loop import Step, training
from unfazed.modality.image_augment import augment
from unfazed.model.convnet import ConvNet, default_width
from unfazed.recipe import Recipe

ROWS, BATCH, PAIRS, ROUNDS = 9_000, 128, 20, 5
DEVICE = best_device()
RECIPE = Recipe(
    epochs=10, batch_size=BATCH, micro_batch_size=BATCH, precision=best_precision(DEVICE), learning_rate=0.01,
    weight_decay=0.3, label_smoothing=0.1, start_size=1.0, patience=10,
)  # fmt: skip


def problem() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """The default convnet for 32 x 32 images, and as many as CIFAR-10's training rows here, of noise."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(256, (ROWS, 3, 32, 32), dtype=torch.uint8, generator=draw)
    y = torch.randint(10, (ROWS,), generator=draw)
    torch.manual_seed(0)
    model = ConvNet(10, 32, default_width(32, ROWS), 0.0, "average")
    model.initialise(x[:1000])
    return model.to(DEVICE), x, y


def ours() -> Iterator[None]:
    """Steps of the package's loop."""
    model, x, y = problem()
    examples = Examples(x, torch.full((ROWS,), 32), y, torch.ones(ROWS))
    loader = Loader(
        examples,
        torch.arange(ROWS),
        BATCH,
        device=DEVICE,
        augment=lambda batch, generator: augment(batch, generator, RECIPE.augmentation, "horizontal"),
    )
    for event in training(model, loader, cross_entropy(RECIPE.label_smoothing), RECIPE):
        if isinstance(event, Step):
            yield


def by_hand() -> Iterator[None]:
    """The same steps as one writes them without a package."""
    model, x, y = problem()
    average = copy.deepcopy(model)
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": RECIPE.weight_decay},
            {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=RECIPE.learning_rate / 10,
        betas=(0.9, 0.99),
        fused=True,
    )
    draw = torch.Generator(DEVICE).manual_seed(0)
    means = [value for value in average.state_dict().values() if value.is_floating_point()]
    values = [value for value in model.state_dict().values() if value.is_floating_point()]
    bfloat16 = RECIPE.precision == "bfloat16"
    model.train()
    while True:
        for index in torch.randperm(ROWS).split(BATCH):
            pixels, labels = x[index].to(DEVICE), y[index].to(DEVICE)
            pixels = augment(pixels, draw, RECIPE.augmentation, "horizontal")
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=bfloat16):
                output = model(pixels)
            loss = nn.functional.cross_entropy(output.float(), labels, label_smoothing=RECIPE.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(weights, RECIPE.clip)
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(means, values, 0.01)
            yield


def seconds(steps: Iterator[None]) -> float:
    """What one step took."""
    started = time.perf_counter()
    next(steps)
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def main() -> None:
    """Take turns and write the table."""
    keep_freed_memory()  # as the command does; it serves both
    one, other = ours(), by_hand()
    for _ in range(5):  # the first steps warm the caches
        seconds(one), seconds(other)
    rounds = [[(seconds(one), seconds(other)) for _ in range(PAIRS)] for _ in range(ROUNDS)]
    throughputs = [statistics.median(bare / mine for mine, bare in one_round) for one_round in rounds]
    pairs = [pair for one_round in rounds for pair in one_round]
    medians = [1000 * statistics.median(times) for times in zip(*pairs, strict=True)]
    text = (
        "# A step beside one written by hand\n\n"
        f"The default convnet, {BATCH} images of 32 × 32, {RECIPE.precision} on {describe(DEVICE)}; {ROUNDS} rounds of "
        f"{PAIRS} pairs of steps in turn.\n\n"
        "| | median step |\n|---|---|\n"
        f"| `training`, dynamics recorded | {medians[0]:.1f} ms |\n| by hand | {medians[1]:.1f} ms |\n\n"
        f"Throughput, ours over by hand: median of the rounds **{statistics.median(throughputs):.3f}** "
        f"({min(throughputs):.3f} to {max(throughputs):.3f}). Target: at least 0.97.\n"
    )
    (Path(__file__).parent / "step.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
