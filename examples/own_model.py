"""The bare loop around a network and a criterion of your own: nothing of Unfazed's but the generator."""

import torch
from sklearn.datasets import load_digits
from torch import nn

from unfazed.batch import Batch, Examples
from unfazed.criterion import Scored
from unfazed.loader import Loader, in_order
from unfazed.loop import Epoch, training
from unfazed.outputs import outputs
from unfazed.recipe import Recipe


class Network(nn.Module):
    """Any network with `embed` and `head` can be trained, evaluated and recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU())
        self.head = nn.Linear(32, 10)

    def embed(self, x: torch.Tensor, length: torch.Tensor | None = None) -> torch.Tensor:
        return self.body(x / 16)

    def forward(self, x: torch.Tensor, length: torch.Tensor | None = None) -> torch.Tensor:
        return self.head(self.embed(x, length))


def focal(model: nn.Module, batch: Batch) -> Scored:
    """Easy examples count less (Lin et al. 2017, arXiv:1708.02002): one loss an example, never reduced."""
    output = model(batch.x, batch.length)
    surprise = nn.functional.cross_entropy(output, batch.y, reduction="none")
    return Scored((1 - torch.exp(-surprise)) ** 2 * surprise, output)


def main() -> float:
    """Train until validation stops improving; the best validation accuracy."""
    digits = load_digits()
    x, y = torch.tensor(digits.data, dtype=torch.float32), torch.tensor(digits.target)
    examples = Examples(x, torch.full((len(x),), 64), y, torch.ones(len(x)))
    train, validation = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)).split([1400, 397])
    recipe = Recipe(epochs=30, batch_size=64, micro_batch_size=64, learning_rate=3e-3, precision="float32", ema=0.0)

    torch.manual_seed(0)
    best, since = 0.0, 0
    for event in training(Network(), Loader(examples, train, 64), focal, recipe):
        if isinstance(event, Epoch):
            found = outputs(event.model, in_order(examples, validation, 256, torch.device("cpu"))).probs.argmax(1)
            accuracy = float((found == y[validation].numpy()).mean())
            best, since = max(best, accuracy), 0 if accuracy > best else since + 1
            print(f"epoch {event.number:2}  surprise {event.losses[train].mean():.3f} nats  validation {accuracy:.3f}")
            if since == 5:  # early stopping is leaving the loop
                break
    return best


if __name__ == "__main__":
    main()
