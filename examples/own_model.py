"""The bare loop around a network and a criterion of your own: nothing of Unfazed's but the generator."""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from unfazed.batch import Batch, Examples
from unfazed.criterion import Scored
from unfazed.loader import Loader
from unfazed.loop import Epoch, training
from unfazed.recipe import Recipe


class Network(nn.Sequential):
    def forward(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        return super().forward(x / 16)


def focal(model: nn.Module, batch: Batch) -> Scored:  # Lin et al. 2017, arXiv:1708.02002: easy examples count less
    output = model(batch.x)
    surprise = nn.functional.cross_entropy(output, batch.y, reduction="none")
    return Scored((1 - torch.exp(-surprise)) ** 2 * surprise, output)  # one loss an example, never reduced


def main() -> float:
    digits = load_digits()
    order = torch.randperm(len(digits.data), generator=torch.Generator().manual_seed(0))
    x, y = torch.tensor(digits.data, dtype=torch.float32)[order], torch.tensor(digits.target)[order]
    loader = Loader(Examples(x, torch.full((len(x),), 64), y, torch.ones(len(x))), torch.arange(1400), batch_size=64)
    recipe = Recipe(epochs=30, micro_batch_size=64, learning_rate=3e-3, precision="float32")
    accuracies: list[float] = []
    for event in training(Network(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)), loader, focal, recipe):
        if isinstance(event, Epoch):
            accuracies.append(float((event.model.eval()(x[1400:]).argmax(1) == y[1400:]).float().mean()))
            print(f"epoch {event.number}: {event.losses[:1400].mean():.3f} nats, accuracy {accuracies[-1]:.3f}")
            if len(accuracies) - accuracies.index(max(accuracies)) > 5:
                break  # early stopping is leaving the loop
    return max(accuracies)


if __name__ == "__main__":
    main()
