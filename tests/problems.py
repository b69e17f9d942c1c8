"""Small problems with known answers, for tests that train."""

import torch
from torch import Tensor, nn

from unfazed.batch import Examples
from unfazed.loader import Loader
from unfazed.recipe import Recipe

ROWS, FEATURES, CLASSES = 240, 12, 3


class Small(nn.Module):
    """Embedding and head, with dropout and batch norm, so that both modes differ."""

    def __init__(self, dropout: float = 0.2, norm: bool = True):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(FEATURES, 16), nn.BatchNorm1d(16) if norm else nn.Identity(), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(16, CLASSES))

    def embed(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        return self.body(x)

    def forward(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        return self.head(self.embed(x, length))


def blobs(rows: int = ROWS, seed: int = 0) -> Examples:
    """Three clouds of points."""
    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(CLASSES, FEATURES, generator=draw)
    y = torch.randint(CLASSES, (rows,), generator=draw)
    x = centres[y] + torch.randn(rows, FEATURES, generator=draw)
    return Examples(x, torch.full((rows,), FEATURES), y, torch.ones(rows))


def recipe(**settings: object) -> Recipe:
    """A recipe without "auto", for a fast run on the blobs."""
    small = {
        "epochs": 4,
        "batch_size": 32,
        "micro_batch_size": 32,
        "precision": "float32",
        "flip": "none",
        "image_size": 8,
        "width": 8,
        "learning_rate": 0.01,
        "ema": 0.05,
    }
    return Recipe(**{**small, **settings})  # type: ignore[arg-type]


def noisy(x: Tensor, generator: torch.Generator) -> Tensor:
    """An augmentation for points."""
    return x + 0.1 * torch.randn(x.shape, generator=generator)


def loader(examples: Examples | None = None, rows: Tensor | None = None, batch_size: int = 32) -> Loader:
    """The blobs in batches, augmented."""
    examples = examples or blobs()
    return Loader(examples, torch.arange(len(examples.x)) if rows is None else rows, batch_size, augment=noisy)
